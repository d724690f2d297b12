import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TreeHash } from "@moraine/protocol";
import fc from "fast-check";
import { CorruptSegmentError, type Segment } from "../../src/domain/segment.ts";
import { coveringSlices, type SegmentSlice } from "../../src/segments/coverage.ts";

const segment = (firstByte: number, sizeBytes: number): Segment => ({
  key: `at-${firstByte}`,
  ownerId: "owner",
  firstByte,
  sizeBytes,
  treeHash: "00".repeat(32) as TreeHash,
});

/** Six segments of an archive of 60 bytes, of which each range takes those that hold it. */
const whole = Array.from({ length: 6 }, (_, index) => segment(index * 10, 10));
const within = (first: number, last: number) =>
  whole.filter(({ firstByte, sizeBytes }) => firstByte <= last && firstByte + sizeBytes > first);

async function* inPages(segments: readonly Segment[], pageLength: number): AsyncGenerator<Segment[]> {
  for (let start = 0; start < segments.length; start += pageLength) {
    yield segments.slice(start, start + pageLength);
  }
}

interface Covering {
  readonly slices: readonly SegmentSlice[];
  readonly error: unknown;
}

async function cover(segments: readonly Segment[], first: number, last: number, pageLength = 100): Promise<Covering> {
  const slices: SegmentSlice[] = [];
  try {
    for await (const page of coveringSlices(inPages(segments, pageLength), { firstByte: first, lastByte: last })) {
      slices.push(...page);
    }
    return { slices, error: null };
  } catch (error) {
    return { slices, error };
  }
}

const bytesOf = (slices: readonly SegmentSlice[]): number[] =>
  slices.flatMap(({ segment: { firstByte }, first, end }) =>
    Array.from({ length: end - first }, (_, index) => firstByte + first + index),
  );
const count = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

const range = fc.tuple(fc.nat({ max: 59 }), fc.nat({ max: 59 })).map((ends) => ends.toSorted((a, b) => a - b));
const pageLength = fc.integer({ min: 1, max: 7 });

describe("the slices of a range", () => {
  test("hold each of its bytes once and in order, whatever the pages", async () => {
    const property = fc.asyncProperty(range, pageLength, async ([first = 0, last = 0], length) => {
      const { slices, error } = await cover(within(first, last), first, last, length);
      assert.equal(error, null);
      assert.deepEqual(bytesOf(slices), count(first, last));
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("end in an error where a segment is missing, shorter, moved, repeated or out of order", async () => {
    const change = fc.constantFrom<(segments: Segment[], index: number) => Segment[]>(
      (segments, index) => segments.toSpliced(index, 1),
      (segments, index) => segments.with(index, { ...(segments[index] ?? segment(0, 1)), sizeBytes: 9 }),
      (segments, index) => segments.with(index, { ...(segments[index] ?? segment(0, 1)), sizeBytes: 11 }),
      (segments, index) => segments.with(index, { ...(segments[index] ?? segment(0, 1)), sizeBytes: 0 }),
      (segments, index) => segments.with(index, { ...(segments[index] ?? segment(0, 1)), firstByte: index * 10 + 1 }),
      (segments, index) => segments.with(index, { ...(segments[index] ?? segment(0, 1)), firstByte: index * 10 - 1 }),
      (segments, index) => segments.toSpliced(index, 0, segments[index] ?? segment(0, 1)),
      (segments) => segments.toReversed(),
      () => [],
    );
    const property = fc.asyncProperty(change, fc.integer({ min: 1, max: 4 }), pageLength, async (make, at, length) => {
      const { slices, error } = await cover(make(whole, at), 0, 59, length);
      assert.ok(error instanceof CorruptSegmentError);
      assert.equal(error.key, null, "no segment is to blame");
      assert.deepEqual(bytesOf(slices), count(0, bytesOf(slices).length - 1), "what came before is right");
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test("in one page, or in the page after a gap, do not begin before the gap is found", async () => {
    const gap = whole.toSpliced(3, 1);
    assert.deepEqual((await cover(gap, 0, 59)).slices, []);
    assert.deepEqual((await cover(gap, 0, 59, 3)).slices, []);
    assert.deepEqual((await cover(gap, 0, 59, 2)).slices, [], "the first page waits for the second");
    assert.deepEqual((await cover(whole.slice(0, 5), 0, 59, 5)).slices, [], "the last page waits for the end");
  });
});
