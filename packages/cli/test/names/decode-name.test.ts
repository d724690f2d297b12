import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeName } from "../../src/names/decode-name.ts";
import type { DecodedName } from "../../src/names/decoded-name.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const base64url = (text: string) => Buffer.from(text).toString("base64url");

/** Facts that are not expected have their defaults. */
const examples: ReadonlyArray<readonly [name: string, description: string, expected: Partial<DecodedName>]> = [
  // mt-aws-glacier: t/unit/metadata.t has the first.
  [
    "mt1, which encoded UTF-8 twice",
    "mt1 eyJmaWxlbmFtZSI6IsOQwq9Bw5DCryIsIm10aW1lIjoiMTk3MDAxMDFUMDAwMjAzWiJ9",
    { format: "mt1", path: "ЯAЯ", modifiedAt: new Date("1970-01-01T00:02:03Z") },
  ],
  [
    "mt2",
    `mt2 ${base64url('{"filename":"фото/a.txt","mtime":"20121227T101112Z"}')}`,
    { format: "mt2", path: "фото/a.txt", modifiedAt: new Date("2012-12-27T10:11:12Z") },
  ],
  [
    "mt2 with its fields in the other order, of before 1970",
    `mt2 ${base64url('{"mtime":"19011231T235960Z","filename":"a~?>b"}')}`,
    { format: "mt2", path: "a~?>b", modifiedAt: new Date("1902-01-01T00:00:00Z") },
  ],
  [
    "mt2 with a backslash, which is a character on POSIX systems",
    `mt2 ${base64url('{"filename":"a\\\\b","mtime":"20121227T101112Z"}')}`,
    { format: "mt2", path: "a\\b", modifiedAt: new Date("2012-12-27T10:11:12Z") },
  ],
  [
    "mt2 of an impossible date",
    `mt2 ${base64url('{"filename":"a","mtime":"20130231T000000Z"}')}`,
    { format: "mt2", path: "a", modifiedAt: null },
  ],
  // FastGlacier: its page of the format has that of version 4 here; AWS's guidance tests the others.
  [
    "FastGlacier 1, quoted and spaced",
    '"<ArchiveMetadata>           <Path>       UkVOREVSRkFSTTUvQjovb25lL3R3by90aHJlZS9jaDAxX3NlcTAwNF9zaDAwMTAuMjA0NC5kcHg=   </Path></ArchiveMetadata>"',
    { format: "fastglacier-1", path: "RENDERFARM5/B:/one/two/three/ch01_seq004_sh0010.2044.dpx" },
  ],
  [
    "FastGlacier 2",
    `<m><v>2</v><p>${base64("a\\b.txt")}</p><lm>20120821T170824Z</lm></m>`,
    { format: "fastglacier-2", path: "a/b.txt", modifiedAt: new Date("2012-08-21T17:08:24Z") },
  ],
  [
    "FastGlacier 3",
    "<m><v>3</v><p>Z2xhY2llci1kZy5wZGY=</p><lm>20120821T170824Z</lm><ce>0:1:4340ebcf79712dc5e3ef7d50bab98ba5</ce></m>",
    {
      format: "fastglacier-3",
      path: "glacier-dg.pdf",
      modifiedAt: new Date("2012-08-21T17:08:24Z"),
      notes: ["encrypted by FastGlacier"],
    },
  ],
  [
    "FastGlacier 4",
    "<m>\n<v>4</v>\n<p>Z2xhY2llci1kZy5wZGY=</p>\n<lm>20120821T170824Z</lm>\n<ce>1:1:4340ebcf79712dc5e3ef7d50bab98ba5:54687</ce>\n</m>",
    {
      format: "fastglacier-4",
      path: "glacier-dg.pdf",
      modifiedAt: new Date("2012-08-21T17:08:24Z"),
      notes: ["compressed by FastGlacier", "encrypted by FastGlacier"],
      sizeBytes: 54_687,
    },
  ],
  [
    "FastGlacier 4 in UTF-8, spaced",
    "           <m><v>4</v><p>RlgxNTAvQ0JCX2ZpZ3VyZS90ZXN0X3B5dGjDtm5fZmlsZS5jYmI=</p><lm>20190121T085242Z       </lm>        </m>",
    {
      format: "fastglacier-4",
      path: "FX150/CBB_figure/test_pythön_file.cbb",
      modifiedAt: new Date("2019-01-21T08:52:42Z"),
    },
  ],
  [
    "FastGlacier 4 of QNAP's Hybrid Backup Sync",
    "<m><v>4</v><p>L3NhbXBsZS8xMjM0LnBkZg==</p><lm>20190501T100059Z</lm></m>",
    { format: "fastglacier-4", path: "/sample/1234.pdf", modifiedAt: new Date("2019-05-01T10:00:59Z") },
  ],
  [
    "FastGlacier 4 of GlacialBackup",
    "<m><v>4</v><p>YTtleGFtcGxlMDAxLnR4dA==</p><lm>20200815T172139Z</lm></m>",
    { format: "fastglacier-4", path: "a;example001.txt", modifiedAt: new Date("2020-08-15T17:21:39Z") },
  ],
  [
    "a folder of FastGlacier",
    `<m><v>4</v><p>${base64("photos/2014/")}</p><lm>?</lm></m>`,
    { format: "fastglacier-4", path: "photos/2014/", notes: ["a folder of FastGlacier, not a file"] },
  ],
  [
    "a later version of FastGlacier",
    `<m><v>5</v><p>${base64("a")}</p></m>`,
    {
      format: "fastglacier-4",
      path: "a",
      notes: ["in the unknown version 5 of FastGlacier's format, read like version 4"],
    },
  ],
  // CloudBerry: the paths are those of its authors' answer and of the tests of AWS's guidance.
  [
    "CloudBerry from a disk",
    '{"Path":"c:+AFw-myfolder+AFw-my+AF8-file.txt","UTCDateModified":"20100310T110623Z","Flags":3}',
    {
      format: "cloudberry",
      path: "c:/myfolder/my_file.txt",
      modifiedAt: new Date("2010-03-10T11:06:23Z"),
      notes: ["compressed by CloudBerry", "encrypted by CloudBerry"],
    },
  ],
  [
    "CloudBerry from another cloud",
    '{"Path":"mybucket/myfolder/+BEQEPgRCBD4- 1 +- 1.txt","UTCDateModified":"20100310T110623Z"}',
    { format: "cloudberry", path: "mybucket/myfolder/фото 1 + 1.txt", modifiedAt: new Date("2010-03-10T11:06:23Z") },
  ],
  [
    "CloudBerry with a path that is no UTF-7",
    '{"path":"CB+F8-M5/B:/c01/q004/s0010/c01+AF8-s00+A8-s0010+F8/h01.1094.dpx","UTCDateModified":"20100310T110623Z"}',
    {
      format: "cloudberry",
      path: "CB+F8-M5/B:/c01/q004/s0010/c01+AF8-s00+A8-s0010+F8/h01.1094.dpx",
      modifiedAt: new Date("2010-03-10T11:06:23Z"),
      notes: ["with a path that is not valid UTF-7"],
    },
  ],
  ...["1+AF9-1", "C+ notes", "+2AA-", "é+AF8-"].map(
    (path) =>
      [
        `CloudBerry with ${path}, which UTF-7 cannot have`,
        JSON.stringify({ Path: path, Flags: 0 }),
        { format: "cloudberry", path, notes: ["with a path that is not valid UTF-7"] },
      ] as const,
  ),
  [
    "CloudBerry with other flags",
    '{"Path":"a","Flags":10}',
    {
      format: "cloudberry",
      path: "a",
      notes: ["encrypted by CloudBerry", "with unknown flags of CloudBerry: 8"],
    },
  ],
  ["CloudBerry without a name", '{"Path":"   ","UTCDateModified":"20100310T110623Z"}', { format: "none", path: "" }],
  // QNAP: from the README of its recovery tool.
  ["QNAP", '{"path": "/sample/1234.pdf", "type": "file"}', { format: "qnap", path: "/sample/1234.pdf" }],
  [
    "QNAP, a folder",
    '{"path": "/sample", "type": "folder"}',
    { format: "qnap", path: "/sample", notes: ['of QNAP\'s type "folder", not a file'] },
  ],
  // glacier-rsync: paths are absolute, and times Python's floats.
  [
    "glacier-rsync",
    "grsync|/home/me/my file.txt|1234|1597512345.1234567|holidays",
    {
      format: "glacier-rsync",
      path: "/home/me/my file.txt",
      modifiedAt: new Date("2020-08-15T17:25:45.123Z"),
      sizeBytes: 1234,
    },
  ],
  [
    "glacier-rsync with bars in its path and text",
    "grsync|/a|b|1|2.5|x|3|4|y",
    { format: "glacier-rsync", path: "/a|b", modifiedAt: new Date(2500), sizeBytes: 1 },
  ],
  // git-annex: the first is from its page on keys, the second from glacier-cli's README.
  [
    "a key of git-annex",
    "SHA256E-s31390--f50d7ac4c6b9031379986bc362fcefb65f1e52621ce1708d537e740fefc59cc0.mp3",
    {
      format: "git-annex",
      path: "SHA256E-s31390--f50d7ac4c6b9031379986bc362fcefb65f1e52621ce1708d537e740fefc59cc0.mp3",
      notes: ["a key of git-annex, whose repository has the name"],
      sizeBytes: 31_390,
    },
  ],
  [
    "an encrypted key of git-annex",
    "GPGHMACSHA1--2945f64be96ccbb9feb4d8ff44ac9692fdbe654e",
    {
      format: "git-annex",
      path: "GPGHMACSHA1--2945f64be96ccbb9feb4d8ff44ac9692fdbe654e",
      notes: ["a key of git-annex, whose repository has the name", "encrypted by git-annex"],
    },
  ],
  [
    "a chunk of git-annex after a prefix",
    "annex/WORM-s7-m1597512345-S4-C2--my notes.txt",
    {
      format: "git-annex",
      path: "annex/WORM-s7-m1597512345-S4-C2--my notes.txt",
      modifiedAt: new Date("2020-08-15T17:25:45Z"),
      notes: ["a key of git-annex, whose repository has the name", "chunk 2 of a file"],
      sizeBytes: 7,
    },
  ],
  [
    "an object of Arq",
    "bucket/8A5B1C8F-0D6E-4F4B-9C0A-0123456789AB/packsets/8A5B1C8F-0D6E-4F4B-9C0A-0123456789AC-blobs/0f.pack",
    {
      format: "arq",
      path: "bucket/8A5B1C8F-0D6E-4F4B-9C0A-0123456789AB/packsets/8A5B1C8F-0D6E-4F4B-9C0A-0123456789AC-blobs/0f.pack",
      notes: ["part of an Arq backup, which Arq restores"],
    },
  ],
  [
    "a path in JSON of any program",
    '{"FileName":"a\\\\b.txt","mtime":"2019-03-01T10:15:00.25Z","SIZE":5}',
    { format: "json-path", path: "a/b.txt", modifiedAt: new Date("2019-03-01T10:15:00.250Z"), sizeBytes: 5 },
  ],
  [
    "a path in JSON with seconds since 1970",
    '{"path":"a","mtime":1551435300,"size":-1}',
    { format: "json-path", path: "a", modifiedAt: new Date("2019-03-01T10:15:00Z") },
  ],
  [
    "a path in JSON with the permissions of a POSIX system, where a backslash is a character",
    '{"path":"a\\\\b.txt","mode":"0644"}',
    { format: "json-path", path: "a\\b.txt" },
  ],
  ["text", " photos\\2014.zip ", { format: "text", path: "photos/2014.zip" }],
  ["no description", "", { format: "none", path: "" }],
  ["spaces", " \n ", { format: "none", path: "" }],
];

for (const [name, description, expected] of examples) {
  test(`decodes ${name}`, () => {
    assert.deepEqual(decodeName(description), { modifiedAt: null, notes: [], sizeBytes: null, ...expected });
  });
}

test("takes descriptions for text that only resemble a format", () => {
  const texts = [
    "mt2 !!!",
    "mt2",
    `mt2 ${base64url("[1]")}`,
    `mt2 ${base64url('{"filename":5}')}`,
    `mt2 ${base64url('{"filename":""}')}`,
    "mt3 eyJmaWxlbmFtZSI6ImEifQ",
    "mtijob1 eyJ0eXBlIjoiZnVsbCJ9",
    "<m><v>4</v><p>not base64!</p></m>",
    "<m><v>4</v><p>YQ==",
    "<m><v>four</v><p>YQ==</p></m>",
    `<m><v>4</v><p>${Buffer.from([0xff, 0xfe]).toString("base64")}</p></m>`,
    "<ArchiveMetadata><Path></Path></ArchiveMetadata>",
    "grsync|a|b|c|d",
    "{",
    "{}",
    "[]",
    '{"Path":{"Path":"a"}}',
    "null",
    "sha256--x",
    "NOTSHA256--x",
    "A--B",
    '"',
    '""',
  ];
  assert.deepEqual(
    texts.filter((text) => decodeName(text).format !== "text" || decodeName(text).path !== text),
    [],
  );
});
