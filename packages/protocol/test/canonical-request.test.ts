import assert from "node:assert/strict";
import { createHmac, hash } from "node:crypto";
import { test } from "node:test";
import { type CredentialScope, canonicalRequest, type SignedRequest, stringToSign, uriEncode } from "@moraine/protocol";

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

test("the guide's example is signed as the guide prints it", () => {
  const canonical = canonicalRequest(
    {
      method: "PUT",
      path: "/-/vaults/examplevault",
      query: "",
      headers: [
        ["Host", "glacier.us-east-1.amazonaws.com"],
        ["x-amz-date", "20120525T002453Z"],
        ["x-amz-glacier-version", "2012-06-01"],
        ["User-Agent", "not signed"],
      ],
      signedHeaders: ["host", "x-amz-date", "x-amz-glacier-version"],
      payloadHash: emptyHash,
    },
    "collapsed",
  );
  assert.equal(
    canonical,
    [
      "PUT",
      "/-/vaults/examplevault",
      "",
      "host:glacier.us-east-1.amazonaws.com",
      "x-amz-date:20120525T002453Z",
      "x-amz-glacier-version:2012-06-01",
      "",
      "host;x-amz-date;x-amz-glacier-version",
      emptyHash,
    ].join("\n"),
  );
  assert.equal(hash("sha256", canonical), "5f1da1a2d0feb614dd03d71e87928b8e449ac87614479332aced3a701f916743");
  assert.equal(
    signature("20120525T002453Z", canonical),
    "3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a",
  );
});

test("a signed body's hash is both a header and the last line", () => {
  const payloadHash = "726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628";
  assert.equal(hash("sha256", "Welcome to Amazon Glacier."), payloadHash);
  const canonical = canonicalRequest(
    {
      method: "POST",
      path: "/-/vaults/examplevault",
      query: "",
      headers: [
        ["host", "glacier.us-east-1.amazonaws.com"],
        ["x-amz-content-sha256", payloadHash],
        ["x-amz-Date", "20120507T000000Z"],
        ["x-amz-glacier-version", "2012-06-01"],
      ],
      signedHeaders: ["host", "x-amz-content-sha256", "x-amz-date", "x-amz-glacier-version"],
      payloadHash,
    },
    "collapsed",
  );
  assert.equal(
    signature("20120507T000000Z", canonical),
    "e8ba379a747bc294584102fd2430f7a563696740882e149c87b15754e7c10a89",
  );
});

const paths: [wire: string, canonical: string][] = [
  ["", "/"],
  ["/", "/"],
  ["//", "/"],
  ["/a", "/a"],
  ["/a/", "/a/"],
  ["//a///b//", "/a/b/"],
  ["/./a/./b/.", "/a/b"],
  ["/a/../b", "/b"],
  ["/../../a", "/a"],
  ["/a/..", "/"],
  ["/a/../", "/"],
  ["/...", "/..."],
  ["/%2e%2e/a", "/%252e%252e/a"],
  ["/a%2Fb", "/a%252Fb"],
  ["/a b+c", "/a%20b%2Bc"],
  ["/~-_.", "/~-_."],
  ["/!*'()", "/%21%2A%27%28%29"],
  ["/é", "/%C3%A9"],
];

for (const [wire, expected] of paths) {
  test(`the path ${JSON.stringify(wire)} is signed as ${expected}`, () => {
    assert.equal(line(1, { path: wire }), expected);
  });
}

const queries: [wire: string, canonical: string][] = [
  ["", ""],
  ["limit=&marker=", "limit=&marker="],
  ["limit", "limit="],
  ["b=1&a=2", "a=2&b=1"],
  ["a=2&a=10&a=1", "a=1&a=10&a=2"],
  ["B=1&a=1&A=1", "A=1&B=1&a=1"],
  ["a=b=c", "a=b%3Dc"],
  ["a=x+y", "a=x%2By"],
  ["a=%7e%2d%41%2f%20", "a=~-A%2F%20"],
  ["a=%zz%&b=%f", "a=%25zz%25&b=%25f"],
  ["a=%ff%FE", "a=%FF%FE"],
  ["a=%C3%A9", "a=%C3%A9"],
  ["ab=1&a-=1&a=1", "a=1&a-=1&ab=1"],
  ["%61=1&X-Amz-Signature=abc", "a=1"],
  [
    "marker=arn:aws:glacier:us-east-1:012345678901:vaults/v",
    "marker=arn%3Aaws%3Aglacier%3Aus-east-1%3A012345678901%3Avaults%2Fv",
  ],
  ["a=1&&b=2", "=&a=1&b=2"],
];

for (const [wire, expected] of queries) {
  test(`the query ${JSON.stringify(wire)} is signed as ${JSON.stringify(expected)}`, () => {
    assert.equal(line(2, { query: wire }), expected);
  });
}

test("runs of spaces in a header collapse to one, or stay for clients that only trim", () => {
  const request = {
    headers: [["X-Amz-Archive-Description", " \t two  spaces\tand   more \r\n"]],
    signedHeaders: ["x-amz-archive-description"],
  } as const;
  assert.equal(line(3, request, "collapsed"), "x-amz-archive-description:two spaces and more");
  assert.equal(line(3, request, "trimmed"), "x-amz-archive-description:two  spaces\tand   more");
});

test("a no-break space is no space of a header", () => {
  const request = { headers: [["a", "\u00a0x\u00a0"]], signedHeaders: ["a"] } as const;
  assert.equal(line(3, request), "a:\u00a0x\u00a0");
});

test("headers sent again are joined in their order, and signed names are sorted", () => {
  const canonical = canonicalRequest(
    {
      ...blank,
      headers: [
        ["X-B", " 2"],
        ["x-a", "1"],
        ["x-b", "1 "],
        ["unsigned", "0"],
      ],
      signedHeaders: ["X-b", "x-a"],
    },
    "collapsed",
  );
  assert.deepEqual(canonical.split("\n").slice(3, 7), ["x-a:1", "x-b:2,1", "", "x-a;x-b"]);
});

test("a signed header that was not sent counts as empty", () => {
  assert.equal(line(3, { signedHeaders: ["host"] }), "host:");
});

test("a long run of spaces costs no more than its length", () => {
  const value = `a${" ".repeat(1_000_000)}b`;
  const start = performance.now();
  for (const spaces of ["collapsed", "trimmed"] as const)
    line(3, { headers: [["a", value]], signedHeaders: ["a"] }, spaces);
  assert.ok(performance.now() - start < 1000);
});

test("encoding leaves only unreserved characters and never throws", () => {
  assert.equal(uriEncode("aZ09-_.~"), "aZ09-_.~");
  assert.equal(uriEncode("!*'() /+%é🧊"), "%21%2A%27%28%29%20%2F%2B%25%C3%A9%F0%9F%A7%8A");
  assert.equal(uriEncode("\ud800x"), "%EF%BF%BDx");
});

const blank: SignedRequest = {
  method: "GET",
  path: "/",
  query: "",
  headers: [],
  signedHeaders: [],
  payloadHash: emptyHash,
};

function line(
  index: number,
  request: Partial<SignedRequest>,
  spaces: "collapsed" | "trimmed" = "collapsed",
): string | undefined {
  return canonicalRequest({ ...blank, ...request }, spaces).split("\n")[index];
}

function signature(amzDate: string, canonical: string): string {
  const scope: CredentialScope = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    date: amzDate.slice(0, 8),
    region: "us-east-1",
    service: "glacier",
    terminator: "aws4_request",
  };
  const key = [scope.date, scope.region, scope.service, scope.terminator].reduce<string | Buffer>(
    (signingKey, text) => createHmac("sha256", signingKey).update(text).digest(),
    `AWS4${secretKey}`,
  );
  return createHmac("sha256", key)
    .update(stringToSign(amzDate, scope, hash("sha256", canonical)))
    .digest("hex");
}
