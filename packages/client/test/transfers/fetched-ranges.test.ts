import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { FetchedRange } from "../../src/transfers/download/ranges/fetch-range.ts";
import { FetchedRanges, RangeFold } from "../../src/transfers/download/ranges/fetched-ranges.ts";
import { combinedTreeHash } from "../../src/transfers/hashing/part-digest.ts";

const rangeOf = (text: string, proven = true): FetchedRange => ({
  treeHash: createHash("sha256").update(text).digest("hex"),
  proven,
});

test("ranges in any order, some of them twice, have the tree hash of all, and the last state of each is kept", () => {
  const steps = fc.array(
    fc.record({ index: fc.nat(40), text: fc.string(), proven: fc.boolean(), isRemoved: fc.boolean() }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(steps, (changes) => {
      const ranges = new FetchedRanges();
      const expected = new Map<number, FetchedRange>();
      for (const { index, text, proven, isRemoved } of changes) {
        if (isRemoved) {
          ranges.delete(index);
          expected.delete(index);
        } else {
          ranges.set(index, rangeOf(text, proven));
          expected.set(index, rangeOf(text, proven));
        }
        assert.equal(
          ranges.areProven,
          [...expected.values()].every((range) => range.proven),
        );
      }
      for (let index = 0; index <= 41; index += 1) {
        assert.deepEqual(ranges.get(index), expected.get(index));
        assert.equal(ranges.has(index), expected.has(index));
        ranges.set(index, expected.get(index) ?? rangeOf("late"));
      }
      const all = Array.from({ length: 42 }, (_, index) => expected.get(index)?.treeHash ?? rangeOf("late").treeHash);
      assert.equal(ranges.treeHash(), combinedTreeHash(all));
    }),
  );
});

test("a fold of ranges in order has the tree hash of all, and shows whether each was verified", () => {
  const fold = new RangeFold();
  const hashes = Array.from({ length: 1000 }, (_, index) => rangeOf(String(index)));
  for (const range of hashes) fold.add(range);
  assert.equal(fold.treeHash(), combinedTreeHash(hashes.map(({ treeHash }) => treeHash)));
  assert.equal(fold.areProven, true);
  fold.add(rangeOf("last", false));
  assert.equal(fold.areProven, false);
});

test("as many ranges as a download may have take a few mebibytes", () => {
  const before = process.memoryUsage();
  const ranges = new FetchedRanges();
  for (let index = 0; index < 131_072; index += 1) {
    ranges.set(index, rangeOf("the same"));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  assert.ok(arrayBuffers - before.arrayBuffers < 16 * 1024 ** 2, `${arrayBuffers - before.arrayBuffers} bytes`);
  assert.ok(heapUsed - before.heapUsed < 64 * 1024 ** 2, `${heapUsed - before.heapUsed} bytes of garbage and all`);
  assert.ok(ranges.has(131_071));
});
