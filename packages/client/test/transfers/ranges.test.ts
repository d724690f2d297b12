import assert from "node:assert/strict";
import { test } from "node:test";
import { isTreeHashAligned, leafSizeBytes, limits, rangeLength } from "@moraine/protocol";
import fc from "fast-check";
import {
  areNodes,
  assertRangeSize,
  boundedRangeSize,
  planRanges,
  rangeSizeFor,
} from "../../src/transfers/download/ranges/ranges.ts";

const powers = fc.integer({ min: 0, max: 6 }).map((exponent) => leafSizeBytes * 2 ** exponent);
const total = fc.oneof(
  fc.integer({ min: 1, max: 200 * leafSizeBytes }),
  fc.integer({ min: 1, max: 200 }).map((leaves) => leaves * leafSizeBytes),
);
const wish = total.chain((totalBytes) =>
  fc
    .tuple(fc.integer({ min: 0, max: totalBytes - 1 }), fc.integer({ min: 0, max: totalBytes - 1 }))
    .map(([one, other]) => ({ totalBytes, firstByte: Math.min(one, other), lastByte: Math.max(one, other) })),
);

test("ranges cover what is wanted once, in order, and none is longer than asked", () => {
  fc.assert(
    fc.property(wish, powers, ({ totalBytes, firstByte, lastByte }, size) => {
      let next = firstByte;
      for (const [index, range] of [...planRanges({ firstByte, lastByte }, totalBytes, size)].entries()) {
        assert.equal(range.index, index);
        assert.equal(range.firstByte, next);
        assert.ok(rangeLength(range) > 0 && rangeLength(range) <= size);
        next = range.lastByte + 1;
      }
      assert.equal(next, lastByte + 1);
    }),
    { numRuns: 2000 },
  );
});

test("every range is a node of the output's tree, except the incomplete mebibytes at its ends", () => {
  fc.assert(
    fc.property(wish, powers, ({ totalBytes, firstByte, lastByte }, size) => {
      const ranges = [...planRanges({ firstByte, lastByte }, totalBytes, size)];
      const areAllNodes = ranges.every((range) => isTreeHashAligned(range, totalBytes));
      assert.equal(areNodes({ firstByte, lastByte }, totalBytes), areAllNodes);
      for (const range of ranges) {
        const isBeside =
          range.firstByte % leafSizeBytes !== 0 ||
          ((range.lastByte + 1) % leafSizeBytes !== 0 && range.lastByte + 1 !== totalBytes);
        assert.equal(isTreeHashAligned(range, totalBytes), !isBeside);
        assert.ok(!isBeside || rangeLength(range) < leafSizeBytes);
      }
    }),
    { numRuns: 2000 },
  );
});

test("ranges of the entire output have one size except the last, so that their hashes combine", () => {
  fc.assert(
    fc.property(total, powers, (totalBytes, size) => {
      const ranges = [...planRanges({ firstByte: 0, lastByte: totalBytes - 1 }, totalBytes, size)];
      assert.ok(ranges.slice(0, -1).every((range) => rangeLength(range) === size));
    }),
  );
});

test("the size of ranges is a power of two that keeps their number in bounds, up to 40 TB", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: limits.archiveSizeBytesMax }), (totalBytes) => {
      const size = rangeSizeFor(totalBytes);
      const usual = (totalBytes < 512 * leafSizeBytes ? 16 : 32) * leafSizeBytes;
      assertRangeSize(size);
      assert.ok(totalBytes / size <= 16_384);
      assert.ok(size === usual || (size > usual && totalBytes / (size / 2) > 16_384));
    }),
    { examples: [[512 * leafSizeBytes - 1], [512 * leafSizeBytes]] },
  );
});

test("ranges of a limited bandwidth take a connection at most a second, if the number of ranges and a mebibyte allow", () => {
  const rates = fc.integer({ min: 1, max: 100 * leafSizeBytes });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: limits.archiveSizeBytesMax }), rates, (totalBytes, bytesPerSecond) => {
      const size = rangeSizeFor(totalBytes, bytesPerSecond);
      assertRangeSize(size);
      assert.ok(size <= rangeSizeFor(totalBytes) && totalBytes / size <= 16_384);
      assert.ok(size <= Math.max(bytesPerSecond, leafSizeBytes) || totalBytes / (size / 2) > 16_384);
      assert.ok(size === rangeSizeFor(totalBytes) || size * 2 > bytesPerSecond);
    }),
    { examples: [[1024 * leafSizeBytes, 8 * leafSizeBytes]] },
  );
});

test("a given size grows only if there were too many ranges", () => {
  const largest = limits.archiveSizeBytesMax;
  assert.equal(boundedRangeSize(leafSizeBytes, 131_072 * leafSizeBytes), leafSizeBytes);
  assert.equal(boundedRangeSize(leafSizeBytes, 131_072 * leafSizeBytes + 1), 2 * leafSizeBytes);
  assert.ok(largest / boundedRangeSize(leafSizeBytes, largest) <= 131_072);
  assert.equal(boundedRangeSize(4096 * leafSizeBytes, largest), 4096 * leafSizeBytes);
});

test("a size with which ranges are no nodes is refused", () => {
  for (const size of [0, -1, 1000, leafSizeBytes / 2, 3 * leafSizeBytes, leafSizeBytes + 1, Number.NaN]) {
    assert.throws(() => assertRangeSize(size), RangeError, String(size));
  }
});
