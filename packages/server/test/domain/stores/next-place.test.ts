import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import fc from "fast-check";
import { nextPlace, UnorderedRowsError } from "../../../src/domain/stores/next-place.ts";

const value = fc.oneof(
  fc.constant(null),
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
  fc.uint8Array(),
);

test("a place comes after another just when SQLite orders it so", () => {
  const database = new DatabaseSync(":memory:");
  const select = database.prepare("SELECT (?1, ?2) > (?3, ?4) AS isAfter, ?1 IS ?3 AS isSame");
  fc.assert(
    fc.property(value, value, fc.integer(), fc.integer(), (last, after, lastPart, afterPart) => {
      // SQLite has no order for rows with a null.
      fc.pre(last !== null && after !== null);
      const { isAfter } = select.get(last, lastPart, after, afterPart) ?? {};
      assert.equal(isPassed([after, afterPart], [last, lastPart]), isAfter === 1);
    }),
  );
  database.close();
});

test("a key that is repeated is refused, and so is none", () => {
  assert.throws(() => nextPlace(14, 14), UnorderedRowsError);
  assert.throws(() => nextPlace(14, 0), /0 follows 14/);
  assert.throws(() => nextPlace(Uint8Array.of(2), Uint8Array.of(1, 255)), /01ff follows 02/);
  assert.throws(() => nextPlace("a", null), UnorderedRowsError);
  assert.throws(() => nextPlace(1, Number.NaN), UnorderedRowsError);
  assert.equal(nextPlace(null, "a"), "a");
});

function isPassed(after: Parameters<typeof nextPlace>[0], last: Parameters<typeof nextPlace>[1]): boolean {
  try {
    return nextPlace(after, last) === last;
  } catch (error) {
    assert.ok(error instanceof UnorderedRowsError);
    return false;
  }
}
