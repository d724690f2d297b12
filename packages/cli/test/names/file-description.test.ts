import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeName } from "../../src/names/decode-name.ts";
import { type DescribedFile, describeFile, permissionsIn } from "../../src/names/file-description.ts";

const file: DescribedFile = {
  path: "photos/Zürich 日本.jpg",
  modifiedAt: new Date("2019-05-01T10:00:59.123Z"),
  permissions: 0o100640,
};

test("a file is described in JSON of printable ASCII, with its path, time and permissions", () => {
  const text = describeFile(file, "json");
  assert.equal(
    text,
    '{"path":"photos/Z\\u00fcrich \\u65e5\\u672c.jpg","mtime":"2019-05-01T10:00:59.123Z","mode":"0640"}',
  );
});

test("mt2 is what mt-aws-glacier writes: base64url without padding, whole seconds", () => {
  const text = describeFile({ ...file, path: "a.txt" }, "mt2") ?? "";
  assert.equal(text, "mt2 eyJmaWxlbmFtZSI6ImEudHh0IiwibXRpbWUiOiIyMDE5MDUwMVQxMDAwNTlaIn0");
});

/** Characters of all kinds, also controls and quotes. */
const component = fc.string({ unit: "binary", minLength: 1, maxLength: 20 }).map((text) => text.replaceAll("/", "-"));
const anyFile = fc.record({
  path: fc.array(component, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/")),
  modifiedAt: fc.date({ min: new Date("1000-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
  permissions: fc.integer({ min: 0, max: 0o777 }),
});

test("a description is decoded: the path, the time and the permissions, in both formats", () => {
  fc.assert(
    fc.property(anyFile, fc.constantFrom("json", "mt2"), (one, format) => {
      const text = describeFile(one, format);
      if (text === null) {
        assert.ok(Buffer.byteLength(one.path) > 600);
        return;
      }
      assert.match(text, /^[ -~]{1,1024}$/);
      const decoded = decodeName(text);
      const isJson = text.startsWith("{");
      assert.deepEqual([decoded.format, decoded.path], [isJson ? "json-path" : "mt2", one.path]);
      const milliseconds = isJson ? one.modifiedAt.getTime() : Math.floor(one.modifiedAt.getTime() / 1000) * 1000;
      assert.equal(decoded.modifiedAt?.getTime(), milliseconds);
      assert.equal(permissionsIn(text), isJson ? one.permissions : null);
    }),
  );
});

test("a file whose name is a tab is decoded", () => {
  assert.equal(decodeName(describeFile({ ...file, path: "\t" }, "json") ?? "").path, "\t");
});

test("a path that is too long for JSON is described as mt2, and one that is too long for that not at all", () => {
  const path = `${"日".repeat(200)}.txt`;
  const text = describeFile({ ...file, path }, "json") ?? "";
  assert.match(text, /^mt2 /);
  assert.equal(decodeName(text).path, path);
  assert.equal(describeFile({ ...file, path: "日".repeat(300) }, "json"), null);
});

test("a time that no format can express is left out, of which mt2 makes nothing", () => {
  const old = { ...file, path: "a", modifiedAt: new Date(Date.UTC(-200, 1)) };
  assert.equal(describeFile(old, "json"), '{"path":"a","mode":"0640"}');
  assert.equal(describeFile(old, "mt2"), null);
});

test("permissions of somebody else's description have no more than nine bits", () => {
  for (const mode of ['"4755"', '"07777"', "420", '"0x1ff"', '"rwx"', "null"]) {
    assert.equal(permissionsIn(`{"path":"a","mode":${mode}}`), null, mode);
  }
  assert.equal(permissionsIn("mt2 abc"), null);
  assert.equal(permissionsIn('{"path":"a","mode":"644"}'), 0o644);
});
