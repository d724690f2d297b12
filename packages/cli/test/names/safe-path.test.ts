import assert from "node:assert/strict";
import { test } from "node:test";
import { distinctPath, pathKey, safePath } from "../../src/names/safe-path.ts";

const cases: ReadonlyArray<readonly [path: string, safe: string]> = [
  ["a/b.txt", "a/b.txt"],
  ["../../etc/passwd", "etc/passwd"],
  ["/etc/passwd", "etc/passwd"],
  ["a/../b", "a/b"],
  ["a//./b/", "a/b"],
  ["..\\..\\b", ".._.._b"],
  ["C:/Users/me/a.txt", "C/Users/me/a.txt"],
  ["x\\y", "x_y"],
  ["c:a.txt", "c_a.txt"],
  ["//server/share/a.txt", "server/share/a.txt"],
  [".. /.. ./a", "a"],
  ["..\u200b/a", "a"],
  ["a\0b\n.txt", "a_b_.txt"],
  ["invoice\u202egpj.exe", "invoicegpj.exe"],
  ["half\ud800pair", "half\ufffdpair"],
  ["e\u0301.txt", "\u00e9.txt"],
  ["nul", "_nul"],
  ["a/Com1.tar.gz", "a/_Com1.tar.gz"],
  ["aux .txt", "_aux .txt"],
  ["console.log", "console.log"],
  ["name. . ", "name"],
  ['what? "12:30".txt', "what_ _12_30_.txt"],
  ["manifest.JSONL", "_manifest.JSONL"],
  ["a/MANIFEST.jsonl", "a/MANIFEST.jsonl"],
  [".moraine/x", "_.moraine/x"],
  ["./.Moraine/x", "_.Moraine/x"],
  ["SHA256SUMS", "_SHA256SUMS"],
  ["a.partial", "a.partial_"],
  ["a.Partial.journal", "a.Partial_.journal"],
  [".bashrc", ".bashrc"],
  ["", "fallback"],
  ["../..", "fallback"],
  [" /\u200b/...", "fallback"],
];

for (const [path, safe] of cases) {
  test(`makes ${JSON.stringify(path)} safe`, () => {
    assert.equal(safePath(path, "fallback"), safe);
  });
}

test("names a path of nothing after a safe fallback, or unnamed", () => {
  assert.equal(safePath("", "../x"), "x");
  assert.equal(safePath("..", ".."), "unnamed");
});

test("cuts a long component at a character, keeps its extension and tells it from others by a hash", () => {
  const [one, two] = ["1", "2"].map((end) => safePath(`a/${"é".repeat(200)}${end}.tar.gz`, "id"));
  assert.match(one ?? "", /^a\/é{111,}~[0-9a-f]{12}\.tar\.gz$/);
  assert.ok(Buffer.byteLength(one ?? "") - 2 <= 255);
  assert.notEqual(one, two);
});

test("bounds depth and length, and keeps paths distinct", () => {
  const deep = safePath(`${"d/".repeat(5000)}a.txt`, "id");
  assert.match(deep, /^(d\/)+~[0-9a-f]{12}\/a\.txt$/);
  assert.ok(deep.split("/").length <= 100);
  const long = ["x", "y"].map((middle) =>
    safePath([...Array(20).fill("w".repeat(250)), middle, "a.txt"].join("/"), "id"),
  );
  assert.ok(long.every((path) => Buffer.byteLength(path) <= 3072));
  assert.notEqual(long[0], long[1]);
});

test("gives equal keys to paths that a file system may take for the same", () => {
  const twins = [
    ["A/B.txt", "a/b.TXT"],
    ["\u00e9", "e\u0301"],
    ["stra\u00dfe", "STRASSE"],
    ["\u1e9e", "\u00df"],
    ["\u212a", "k"],
    ["zero\u200cwidth", "zerowidth"],
    ["\u03c3\u03c2", "\u03a3\u03a3"],
    ["\u03b1\u0345\u0301", "\u1fb4"],
  ];
  for (const [one = "", two = ""] of twins) {
    assert.equal(pathKey(one), pathKey(two));
  }
  assert.notEqual(pathKey("a/b"), pathKey("ab"));
  assert.notEqual(pathKey("a"), pathKey("\u00e4"));
});

test("tells twins apart by date, then also by id, before the extension", () => {
  const at = new Date("2019-03-01T10:15:00.999Z");
  assert.equal(distinctPath("a/b.txt", at, null), "a/b (2019-03-01 101500).txt");
  assert.equal(distinctPath("b.tar.gz", at, "-Id_1"), "b (2019-03-01 101500 -Id_1).tar.gz");
  assert.equal(distinctPath(".bashrc", at, null), ".bashrc (2019-03-01 101500)");
  assert.equal(distinctPath("a", new Date(Number.NaN), null), "a (undated)");
  assert.match(distinctPath("a", at, "../../x"), /^a \(2019-03-01 101500 [0-9a-f]{12}\)$/);
});
