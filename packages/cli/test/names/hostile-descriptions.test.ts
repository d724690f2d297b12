import assert from "node:assert/strict";
import { resolve, sep } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { decodeName } from "../../src/names/decode-name.ts";
import { distinctPath, pathKey, safePath } from "../../src/names/safe-path.ts";

const root = resolve("/some/target");

/** Pieces of paths and formats, so that random ones are near what the rules look for. */
const pieces = [
  ..."./\\: \t\n\0\"'|?*<>~$%-_()[]{}=+,;",
  ...[
    "..",
    "...",
    "//",
    "\\\\",
    "C:",
    "nul",
    "CON",
    "com1",
    "lpt¹",
    ".txt",
    ".tar.gz",
    ".partial",
    ".journal",
    ".lock",
  ],
  ...[
    "MANIFEST.jsonl",
    "SHA256SUMS",
    ".moraine",
    "manifest.JSONL",
    "%2e%2e",
    "＼",
    "／",
    "․․",
    "\u200b",
    "\u202e",
    "\ufeff",
  ],
  ...[
    "e\u0301",
    "é",
    "ﬁ",
    "ſ",
    "K",
    "İ",
    "👩‍👩‍👧",
    "\ud800",
    "\udc00",
    "\u0000",
    "\u0085",
    "\u2028",
    "\ufffe",
    "\u037e",
    "x".repeat(300),
  ],
  ...[
    "mt1 ",
    "mt2 ",
    "eyJ",
    "<m>",
    "</m>",
    "<v>4</v>",
    "<p>",
    "</p>",
    "<ce>",
    "grsync|",
    "|1|2|",
    '{"path":',
    "}",
    "+AF8-",
    "SHA256--",
  ],
];
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join("")),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }).map((units) => String.fromCharCode(...units)),
);

/** A description in one of the formats, with any path. */
const description = fc.oneof(
  text,
  text.map((path) => `mt2 ${Buffer.from(JSON.stringify({ filename: path, mtime: path })).toString("base64url")}`),
  text.map((path) => `<m><v>4</v><p>${Buffer.from(path).toString("base64")}</p><lm>${path}</lm><ce>${path}</ce></m>`),
  fc.record({ Path: text, UTCDateModified: text, Flags: fc.anything() }).map((value) => JSON.stringify(value)),
  fc
    .record({ path: text, type: text, mtime: fc.anything(), size: fc.anything() })
    .map((value) => JSON.stringify(value)),
  text.map((path) => `grsync|${path}|1|2|${path}`),
);

test("decodes anything to a complete name", () => {
  fc.assert(
    fc.property(description, (value) => {
      const { format, path, modifiedAt, notes, sizeBytes } = decodeName(value);
      assert.equal(path === "", format === "none" || path === "");
      assert.ok(!path.includes("\\") || ["mt1", "mt2", "json-path"].includes(format));
      assert.ok(modifiedAt === null || !Number.isNaN(modifiedAt.getTime()));
      assert.ok(notes.every((note) => note.length < 5000));
      assert.ok(sizeBytes === null || (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0));
    }),
    { numRuns: 2000 },
  );
});

const safeComponent = /^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}<>:"|?*/\\]+$/u;

function assertSafe(path: string): void {
  assert.notEqual(path, "");
  assert.ok(resolve(root, path).startsWith(root + sep), path);
  assert.equal(path, path.normalize("NFC"));
  assert.ok(Buffer.byteLength(path) <= 4096);
  const components = path.split("/");
  assert.ok(components.length <= 100);
  for (const component of components) {
    assert.match(component, safeComponent);
    assert.doesNotMatch(component, /[. ]$/);
    assert.doesNotMatch(component, /^(con|prn|aux|nul|com\d|lpt\d) *(\.|$)/i);
    assert.doesNotMatch(component, /\.partial(\.|$)/i);
    assert.ok(Buffer.byteLength(component) <= 255, component);
  }
  assert.doesNotMatch(
    components[0] ?? "",
    /^(\.moraine|manifest\.jsonl|manifest\.sig|sha256sums|failed\.jsonl|report\.html)$/i,
  );
}

test("makes any path safe, and leaves a safe one as it is", () => {
  fc.assert(
    fc.property(text, text, (path, fallback) => {
      const safe = safePath(path, fallback);
      assertSafe(safe);
      assert.equal(safePath(safe, "other"), safe);
    }),
    { numRuns: 3000 },
  );
});

test("makes the path of any description safe", () => {
  fc.assert(
    fc.property(description, (value) => assertSafe(safePath(decodeName(value).path, "an-id"))),
    { numRuns: 2000 },
  );
});

test("keeps a distinct path safe, in its folder, and apart from the first", () => {
  fc.assert(
    fc.property(text, fc.date({ noInvalidDate: false }), fc.option(text), (value, createdAt, archiveId) => {
      const path = safePath(value, "an-id");
      const distinct = distinctPath(path, createdAt, archiveId);
      assertSafe(distinct);
      assert.equal(distinct.slice(0, distinct.lastIndexOf("/") + 1), path.slice(0, path.lastIndexOf("/") + 1));
      assert.notEqual(pathKey(distinct), pathKey(path));
    }),
    { numRuns: 2000 },
  );
});

test("gives a path one key, however it is normalised or in which case", () => {
  fc.assert(
    fc.property(text, (path) => {
      const key = pathKey(path);
      // Text has to be decomposed before its case changes: some marks become letters, and other marks would follow these.
      const decomposed = path.normalize("NFD");
      const spellings = [path.normalize("NFC"), decomposed, decomposed.toUpperCase(), decomposed.toLowerCase()];
      assert.deepEqual(new Set(spellings.map(pathKey)), new Set([key]));
    }),
    { numRuns: 2000 },
  );
});

/** Long ones for which a regular expression that backtracks, or a parser that recurses, would take minutes or fail. */
const longInputs = (n: number): Readonly<Record<string, string>> => ({
  "dots before a letter": `${".".repeat(n)}x`,
  "spaces before a letter": `${" ".repeat(n)}x`,
  "spaces and dots": `x${". ".repeat(n / 2)}`,
  "a deep path": "a/".repeat(n / 2),
  "parent folders": "../".repeat(n / 3),
  backslashes: "\\".repeat(n),
  "one long name": "x".repeat(n),
  "combining marks": `e${"\u0301".repeat(n)}`,
  "zero-width characters": "\u200b".repeat(n),
  "lone surrogates": "\ud800".repeat(n),
  extensions: ".a".repeat(n / 2),
  "partial names": ".partial".repeat(n / 8),
  "nested arrays": `{"path":${"[".repeat(n)}`,
  "nested objects": '{"path":'.repeat(n / 8),
  base64: `mt2 ${"A".repeat(n)}`,
  "base64 with spaces": `<m><v>4</v><p>${"A ".repeat(n / 2)}</p></m>`,
  elements: `<m><v>4</v>${"<p>".repeat(n / 3)}`,
  bars: `grsync|${"|1".repeat(n / 2)}`,
  "sizes and times without an end": `grsync|${"|1|2".repeat(n / 4)}`,
  "keys of git-annex": `${"SHA256--".repeat(n / 8)}/`,
  "fields of a key": `SHA256${"-s1".repeat(n / 3)}`,
  UUIDs: "00000000-0000-0000-0000-000000000000/objects/".repeat(n / 45),
  "UTF-7": `{"Path":"${"+".repeat(n)}","Flags":1}`,
  "shifts of UTF-7": `{"Path":"${"+AF8-".repeat(n / 5)}","Flags":1}`,
  quotes: '"'.repeat(n),
});

for (const length of [4000, 1_000_000]) {
  for (const [name, value] of Object.entries(longInputs(length))) {
    test(`is quick with ${name}, ${length} characters`, () => {
      const start = process.cpuUsage();
      const { path } = decodeName(value);
      const safe = safePath(path, "an-id");
      assertSafe(safe);
      assertSafe(safePath(value, "an-id"));
      assertSafe(distinctPath(safe, new Date(0), "an-id"));
      pathKey(value);
      const { user } = process.cpuUsage(start);
      assert.ok(user < 2_000_000, `${user} µs`);
    });
  }
}
