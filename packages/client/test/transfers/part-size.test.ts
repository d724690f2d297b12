import assert from "node:assert/strict";
import { test } from "node:test";
import { isPartSize, limits } from "@moraine/protocol";
import fc from "fast-check";
import { chosenPartSize, partSizeFor, unknownLengthPartSizeBytes } from "../../src/transfers/upload/part-size.ts";

const mebibyte = 1024 ** 2;

test("10,000 parts of the default size hold any source up to 40 TB, and the size is the smallest valid one from 16 MiB", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: limits.archiveSizeBytesMax }), (sizeBytes) => {
      const part = partSizeFor(sizeBytes);
      assert.ok(isPartSize(part) && part >= 16 * mebibyte);
      assert.ok(Math.ceil(sizeBytes / part) <= limits.partCountMax);
      assert.ok(part === 16 * mebibyte || Math.ceil(sizeBytes / (part / 2)) > limits.partCountMax);
    }),
  );
  assert.equal(partSizeFor(limits.archiveSizeBytesMax), limits.partSizeBytesMax);
});

test("a part size grows exactly where 10,000 parts no longer hold the source", () => {
  assert.equal(partSizeFor(10_000 * 16 * mebibyte), 16 * mebibyte);
  assert.equal(partSizeFor(10_000 * 16 * mebibyte + 1), 32 * mebibyte);
});

test("beyond 40 TB there is no part size", () => {
  assert.throws(() => partSizeFor(limits.archiveSizeBytesMax + 1), RangeError);
});

test("a given part size is used if it is valid and holds the source, and refused otherwise", () => {
  assert.equal(chosenPartSize(mebibyte, 10_000 * mebibyte), mebibyte);
  assert.throws(() => chosenPartSize(mebibyte, 10_000 * mebibyte + 1), /expected at least 16777216/);
  assert.throws(() => chosenPartSize(3 * mebibyte, 10), RangeError);
  assert.equal(chosenPartSize(mebibyte, null), mebibyte);
});

test("a source of unknown length gets parts that are enough for 625 GiB", () => {
  assert.equal(chosenPartSize(undefined, null), unknownLengthPartSizeBytes);
  assert.equal(unknownLengthPartSizeBytes, 64 * mebibyte);
});

test("at a low rate parts are as small as a minute of it, from 1 MiB, where the size allows that", () => {
  assert.equal(chosenPartSize(undefined, 100 * mebibyte, 2 * 1024), mebibyte);
  assert.equal(chosenPartSize(undefined, 100 * mebibyte, 100 * 1024), 4 * mebibyte);
  assert.equal(chosenPartSize(undefined, 100 * mebibyte, mebibyte), 16 * mebibyte);
  assert.equal(chosenPartSize(undefined, 10_000 * mebibyte + 1, 1024), 2 * mebibyte);
  assert.equal(chosenPartSize(8 * mebibyte, 100 * mebibyte, 1024), 8 * mebibyte);
});
