import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { globMatcher, literalPrefix } from "../../src/catalog/glob.ts";

const matches = (glob: string, path: string, ignoreCase = false) => globMatcher([glob], { ignoreCase })(path);

test("globs match the paths that they should, and no others", () => {
  const table: Readonly<Record<string, readonly [yes: readonly string[], no: readonly string[]]>> = {
    "*.jpg": [
      ["a.jpg", "x/y/a.jpg", ".jpg", "/a.jpg"],
      ["a.jpeg", "a.jpg/b", "aXjpg"],
    ],
    "a/*.jpg": [
      ["a/b.jpg", "a/.jpg"],
      ["a/b/c.jpg", "b.jpg", "x/a/b.jpg"],
    ],
    "a/**/*.jpg": [
      ["a/b.jpg", "a/b/c/d.jpg"],
      ["b.jpg", "b/a/b.jpg"],
    ],
    "a/**": [
      ["a/b", "a/b/c", "a/"],
      ["a", "ab", "b/a/c"],
    ],
    "**/a": [
      ["a", "b/a", "/a", "b/c/a"],
      ["a/b", "ba"],
    ],
    "a/**/b/**/c": [
      ["a/b/c", "a/x/b/y/z/c", "a/b/b/c", "a/b/x/b/c"],
      ["a/c", "a/b", "a/b/c/d"],
    ],
    "/home/*": [["/home/x"], ["home/x", "/home/x/y"]],
    "?.t?t": [
      ["a.txt", "é.t𝄞t"],
      ["ab.txt", ".txt"],
    ],
    "[a-c0].x": [
      ["b.x", "0.x"],
      ["d.x", "-.x"],
    ],
    "[!a-c].x": [
      ["d.x", "].x"],
      ["a.x", ".x"],
    ],
    "[]x-].y": [["].y", "x.y", "-.y"], ["a.y"]],
    "a[b": [["a[b"], ["ab"]],
    "\\*\\[a\\]": [["*[a]"], ["b[a]", "*a"]],
    "a*b*c": [
      ["abc", "aXbYbZc", "abcbc"],
      ["ab", "acb", "abcd"],
    ],
    "a**b": [["ab", "axb"], ["a/b"]],
    "C:/Users/**": [["C:/Users/x"], ["c:/users/x"]],
  };
  for (const [glob, [yes, no]] of Object.entries(table)) {
    assert.deepEqual(
      yes.filter((path) => !matches(glob, path)),
      [],
      `${glob} does not match`,
    );
    assert.deepEqual(
      no.filter((path) => matches(glob, path)),
      [],
      `${glob} matches`,
    );
  }
});

test("several globs match what one of them does, and case is ignored on request", () => {
  const matcher = globMatcher(["*.JPG", "docs/**"], { ignoreCase: true });
  assert.deepEqual(["a.jpg", "DOCS/b", "docs/c.txt", "c.txt"].map(matcher), [true, true, true, false]);
  assert.equal(matches("*.JPG", "a.jpg"), false);
});

/** The same by recursion, which is plain and slow. */
function expected(glob: string, path: string): boolean {
  const components = glob.includes("/") ? glob.split("/") : ["**", glob];
  return folders(components.at(-1) === "**" ? [...components, "*"] : components, path.split("/"));
}

function folders([first, ...rest]: readonly string[], parts: readonly string[]): boolean {
  if (first === undefined) {
    return parts.length === 0;
  }
  if (first === "**") {
    return parts.length === 0
      ? folders(rest, parts)
      : folders(rest, parts) || folders([first, ...rest], parts.slice(1));
  }
  return parts[0] !== undefined && characters(first, parts[0]) && folders(rest, parts.slice(1));
}

function characters(glob: string, text: string): boolean {
  const [first] = glob;
  if (first === undefined) {
    return text === "";
  }
  if (first === "*") {
    return characters(glob.slice(1), text) || (text !== "" && characters(glob, text.slice(1)));
  }
  return text !== "" && (first === "?" || first === text[0]) && characters(glob.slice(1), text.slice(1));
}

const text = (units: readonly string[], maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...units), maxLength, minLength: 1 });

test("globs match as their definition says, whatever glob and path are", () => {
  const property = fc.property(
    text(["a", "b", "/", "*", "?", "**", "/**/"], 8),
    text(["a", "b", "/"], 8),
    (glob, path) => {
      assert.equal(matches(glob, path), expected(glob, path));
    },
  );
  fc.assert(property, { numRuns: 5000 });
});

test("a path that matches begins with the glob's literal prefix", () => {
  const property = fc.property(
    text(["a", "b", "/", "*", "\\", "["], 6),
    text(["a", "b", "/", "["], 6),
    (glob, path) => {
      fc.pre(matches(glob, path));
      assert.ok(path.startsWith(literalPrefix(glob)));
    },
  );
  fc.assert(property, { numRuns: 2000 });
  assert.equal(literalPrefix("photos/2019/*.jpg"), "photos/2019/");
  assert.equal(literalPrefix("photo"), "");
});

test("hostile paths and globs take little time", () => {
  const began = performance.now();
  assert.equal(matches(`${"*a".repeat(50)}b`, "a".repeat(1024)), false);
  assert.equal(matches(`${"**/a/".repeat(30)}b`, "a/".repeat(512)), false);
  assert.equal(matches(`x/${"?*".repeat(100)}b`, `x/${"a".repeat(1000)}`), false);
  assert.ok(performance.now() - began < 1000);
});
