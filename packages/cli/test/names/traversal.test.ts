import assert from "node:assert/strict";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, win32 } from "node:path";
import { after, before, test } from "node:test";
import { decodeName } from "../../src/names/decode-name.ts";
import { distinctPath, pathKey, safePath } from "../../src/names/safe-path.ts";

/** Paths that have led out of a folder, or onto another file, in some program or on some file system. */
const attacks: readonly string[] = [
  ...[
    "../outside",
    "../../outside",
    "../../../../../../../../../../tmp/outside",
    "a/../../outside",
    "a/b/../../../outside",
  ],
  ...["./../outside", ".//..//outside", "..", "../", "../..", "a/..", "a/../..", "/..", "/../outside", "..;/outside"],
  ...[
    "..\\outside",
    "..\\..\\outside",
    "a\\..\\..\\outside",
    "..\\/outside",
    "../\\outside",
    "..//..\\outside",
    ".\\..\\outside",
  ],
  ...[
    "/outside",
    "//outside",
    "///etc/passwd",
    "/etc/passwd",
    "/tmp/outside",
    "~/outside",
    "~root/outside",
    "$HOME/outside",
  ],
  ...[
    "C:\\outside",
    "C:/outside",
    "C:outside",
    "c:..\\outside",
    "C:",
    "\\outside",
    "\\\\server\\share\\outside",
    "//server/share/outside",
  ],
  ...[
    "\\\\?\\C:\\outside",
    "\\\\.\\C:\\outside",
    "\\??\\C:\\outside",
    "\\\\.\\PhysicalDrive0",
    "\\\\.\\pipe\\outside",
    "file:///etc/passwd",
  ],
  ...[
    "a\0/../../outside",
    "../\0outside",
    "..\0/outside",
    "outside\0.txt",
    "\0",
    "a\n/../outside",
    ".\r./outside",
    "..\t/outside",
    "\u001b[2J",
  ],
  ...[
    ".. /outside",
    " ../outside",
    "../ outside",
    ".. . /outside",
    "... /outside",
    "..../outside",
    ".../outside",
    "..\u200b/outside",
  ],
  ...[
    ".\u200d./outside",
    ".\u00ad./outside",
    "\ufeff../outside",
    "..\u2060/outside",
    "\u202e../outside",
    "a\u2066/../../outside",
  ],
  ...[
    "%2e%2e/outside",
    "%2e%2e%2foutside",
    "..%2foutside",
    "..%5coutside",
    "%252e%252e%252foutside",
    "..%c0%afoutside",
    "..%00/outside",
  ],
  ...[
    "．．/outside",
    "..／outside",
    "..＼outside",
    "‥/outside",
    "․․/outside",
    "..\u2215outside",
    "..\u2044outside",
    "\ud800../outside",
  ],
  ...[
    "CON",
    "con.txt",
    "a/NUL",
    "aux.tar.gz",
    "COM1",
    "LPT9.log",
    "com¹",
    "PRN ",
    "nul . txt",
    "CONIN$",
    "CLOCK$",
    "a/con /b",
  ],
  ...[
    "file.txt:stream",
    "file.txt::$DATA",
    "folder:$I30:$INDEX_ALLOCATION/x",
    ":",
    "a:b:c",
    "<script>",
    "a|b",
    'a"b',
    "a?b*c",
  ],
  ...[
    "MANIFEST.jsonl",
    "manifest.JSONL",
    "./MANIFEST.jsonl",
    "x/../MANIFEST.jsonl",
    "MANIFEST.jsonl.",
    "MANIFEST.jsonl ",
    "MANIFEST\u200b.jsonl",
  ],
  ...[
    "SHA256SUMS",
    "sha256sums/x",
    ".moraine",
    ".moraine/MANIFEST.jsonl",
    ".MORAINE/state",
    "REPORT.html",
    "FAILED.jsonl",
    "MANIFEST.sig",
  ],
  ...[
    "a.txt",
    "A.TXT",
    "a.txt.",
    "a.txt ",
    "a.txt/b",
    "A.txt/B/c",
    "a.txt.partial",
    "a.txt.partial.journal",
    "a.txt.PARTIAL.lock",
  ],
  ...[
    "\u00e9.txt",
    "e\u0301.txt",
    "E\u0301.TXT",
    "stra\u00dfe",
    "STRASSE",
    "\ufb01le",
    "file",
    "\u212a",
    "k",
    "\u017f",
    "s",
    "I\u0307",
    "i\u0307",
  ],
  ...[
    "",
    " ",
    ".",
    "...",
    "/",
    "\\",
    "x".repeat(300),
    `${"x".repeat(300)}1`,
    "é".repeat(200),
    `${"y/".repeat(400)}z`,
    `${"../".repeat(200)}outside`,
  ],
  ...[
    "-rf",
    "--checkpoint-action=exec=sh",
    "$(touch outside)",
    "`touch outside`",
    "a;touch outside",
    "{{outside}}",
    "__proto__",
    "constructor",
  ],
];

const base64 = (text: string) => Buffer.from(text).toString("base64");
const xml = (version: number, path: string) =>
  `<m><v>${version}</v><p>${base64(path)}</p><lm>20190121T085242Z</lm></m>`;

/** Every format in which an attacker can write such a path into a description. */
const formats: Readonly<Record<string, (path: string) => string>> = {
  text: (path) => path,
  quoted: (path) => `"${path}"`,
  mt1: (path) => `mt1 ${base64(Buffer.from(JSON.stringify({ filename: path })).toString("latin1"))}`,
  mt2: (path) => `mt2 ${Buffer.from(JSON.stringify({ filename: path, mtime: "" })).toString("base64url")}`,
  "fastglacier-1": (path) => `<ArchiveMetadata><Path>${base64(path)}</Path></ArchiveMetadata>`,
  "fastglacier-2": (path) => xml(2, path),
  "fastglacier-4": (path) => xml(4, path),
  cloudberry: (path) => JSON.stringify({ Path: path, UTCDateModified: "20190121T085242Z" }),
  "cloudberry in UTF-7": (path) => JSON.stringify({ Path: inUtf7(path), Flags: 0 }),
  qnap: (path) => JSON.stringify({ path, type: "file" }),
  json: (path) => JSON.stringify({ path }),
  "json with permissions": (path) => JSON.stringify({ path, mode: "0644" }),
  "glacier-rsync": (path) => `grsync|${path}|1|2.5|`,
  "git-annex": (path) => `${path}SHA256-s5--0123`,
};

/** Shifts every character, so that none can be seen before it is decoded. */
function inUtf7(text: string): string {
  return text === "" ? "" : `+${Buffer.from(text, "utf16le").swap16().toString("base64").replaceAll("=", "")}-`;
}

const descriptions = Object.values(formats).flatMap((format) => attacks.map(format));
const createdAt = new Date("2019-03-01T10:15:00Z");
let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-traversal-"));
});
after(() => rm(folder, { recursive: true }));

/** Gives each archive a path of its own, like a rescue: a twin gets its date, then its id, and no file is another's folder. */
class Plan {
  readonly files = new Set<string>();
  readonly folders = new Set<string>();

  pathFor(path: string, archiveId: string): string {
    const paths = [path, distinctPath(path, createdAt, null), distinctPath(path, createdAt, archiveId)];
    const free = paths.find((candidate) => this.#isFree(candidate)) ?? safePath("", archiveId);
    assert.ok(this.#isFree(free), `no path for ${path}`);
    this.files.add(pathKey(free));
    for (const parent of parentsOf(pathKey(free))) {
      this.folders.add(parent);
    }
    return free;
  }

  #isFree(path: string): boolean {
    const key = pathKey(path);
    return !(this.files.has(key) || this.folders.has(key) || parentsOf(key).some((parent) => this.files.has(parent)));
  }
}

function parentsOf(path: string): readonly string[] {
  const components = path.split("/");
  return components.slice(1).map((_, at) => components.slice(0, at + 1).join("/"));
}

async function filesBelow(place: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (file) => [relative(place, file), await readFile(file, "utf8")] as const)),
  );
}

test(`writes ${descriptions.length} archives of hostile descriptions into their folder alone, and over no file`, async () => {
  assert.ok(descriptions.length >= 1000);
  const target = join(folder, "deep/inside/target");
  const own = ["MANIFEST.jsonl", "MANIFEST.sig", "SHA256SUMS", "FAILED.jsonl", "REPORT.html", ".moraine/state"];
  const canaries = [
    "outside",
    "deep/outside",
    "deep/inside/outside",
    ...own.map((name) => `deep/inside/target/${name}`),
  ];
  for (const canary of canaries) {
    await mkdir(dirname(join(folder, canary)), { recursive: true });
    await writeFile(join(folder, canary), "canary");
  }
  const plan = new Plan();
  const written = new Map<string, string>();
  for (const [number, description] of descriptions.entries()) {
    const archiveId = `-id_${number}`;
    const path = plan.pathFor(safePath(decodeName(description).path, archiveId), archiveId);
    assert.ok(win32.resolve("D:\\target", path).startsWith("D:\\target\\"), path);
    const file = join(target, path);
    await mkdir(dirname(file), { recursive: true });
    // Fails for a file that exists.
    await writeFile(file, `${number}`, { flag: "wx" });
    written.set(join("deep/inside/target", path), `${number}`);
  }
  const expected = new Map([...written, ...canaries.map((canary) => [canary, "canary"] as const)]);
  assert.deepEqual(await filesBelow(folder), expected);
  assert.equal(written.size, descriptions.length);
  assert.equal((await lstat(target)).isDirectory(), true);
});

test("decodes the attacks in every format, so that each is tried", () => {
  const readable = attacks.filter((path) => /^[\w. /-]+$/.test(path) && path.trim() === path);
  assert.ok(readable.length > 50);
  for (const [name, format] of Object.entries(formats)) {
    for (const path of readable) {
      const decoded = decodeName(format(path)).path;
      assert.equal(decoded, { quoted: `"${path}"`, "git-annex": `${path}SHA256-s5--0123` }[name] ?? path, name);
    }
  }
});
