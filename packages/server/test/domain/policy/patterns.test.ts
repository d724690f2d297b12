import assert from "node:assert/strict";
import { test } from "node:test";
import { withinBounds } from "../../../src/domain/policy/effort.ts";
import { literal, matches, type Pattern, withWildcards } from "../../../src/domain/policy/patterns.ts";
import { Random } from "./random.ts";

const words = (letters: string, lengthMax: number): string[] =>
  lengthMax === 0
    ? [""]
    : ["", ...[...letters].flatMap((letter) => words(letters, lengthMax - 1).map((rest) => letter + rest))];
const expression = (pattern: string) =>
  new RegExp(`^${pattern.replaceAll("?", "[^]").replaceAll(/\*+/g, "[^]*")}$`, "u");

test("short patterns match what a regular expression matches", () => {
  const texts = words("ab", 6);
  for (const pattern of words("ab*?", 5)) {
    const [parsed, expected] = [withWildcards(pattern), expression(pattern)];
    for (const text of texts) {
      if (matches(parsed, text) !== expected.test(text)) {
        assert.fail(`${pattern} of ${text}`);
      }
    }
  }
});

test("long stretches with and without ? are found wherever they stand", () => {
  const random = new Random(11);
  const below = (count: number) => Math.floor(random.next() * count);
  const letters = (length: number, of: string) => Array.from({ length }, () => of[below(of.length)]).join("");
  for (let round = 0; round < 2000; round += 1) {
    const stretch = letters(1 + below(80), "aab");
    const text = `${letters(below(90), "aab")}${stretch}${letters(below(9), "ab")}`;
    const loose = [...stretch].map((letter) => (below(4) === 0 ? "?" : letter)).join("");
    for (const pattern of [`*${stretch}*`, `*${loose}*`, `a*${loose}*b`, `*${loose}`, `*${loose}*${stretch}*`]) {
      assert.equal(matches(withWildcards(pattern), text), expression(pattern).test(text), `${pattern} of ${text}`);
    }
  }
});

test("? is one character, also outside the basic plane", () => {
  assert.ok(matches(withWildcards("a?b"), "a\u{1F600}b"));
  assert.ok(matches(withWildcards("*?b?*"), "a\u{1F600}b\u{1F600}"));
  assert.ok(!matches(withWildcards("a??b"), "a\u{1F600}b"));
});

/** Steps that a comparison takes: the smallest bound that it stays within, to a factor of 1.1. */
function stepsOf(pattern: Pattern, text: string): number {
  let bound = 64;
  while (withinBounds(bound, () => matches(pattern, text)) === null) {
    bound *= 1.1;
  }
  return bound;
}

test("twice as long a text and a pattern take twice as many steps, and not four times", () => {
  for (const build of [
    (size: number) => `*${"a".repeat(size / 4)}b`,
    (size: number) => `*${"*a".repeat(size / 4)}b*`,
    (size: number) => `*${"a".repeat(size / 8)}b${"a".repeat(size / 8)}*`,
    (size: number) => `*${"?a".repeat(8)}b*${"*?a".repeat(size / 8)}b*`,
  ]) {
    const steps = (size: number) => stepsOf(withWildcards(build(size)), "a".repeat(size));
    assert.ok(steps(8192) / steps(4096) < 2.5, `${build(8)}: ${steps(4096)} and ${steps(8192)}`);
  }
});

test("a literal has no wildcards", () => {
  assert.ok(matches(literal("*?"), "*?"));
  assert.ok(!matches(literal("*?"), "ab"));
});
