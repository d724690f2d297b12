import assert from "node:assert/strict";
import { test } from "node:test";
import { isTreeHashAligned, leafSizeBytes, limits, rootOf, toHex } from "@moraine/protocol";
import fc from "fast-check";
import { alignedVectors, content, unalignedVectors } from "./content-vectors.ts";
import { allNodes, countedLeaves, sha256 } from "./naive-tree.ts";

const exampleBytes = 6_815_744;

for (const [firstLeaf, endLeaf, range, treeHash] of alignedVectors) {
  test(`leaves ${firstLeaf} to ${endLeaf} of 6.5 MiB are aligned and have the published hash`, () => {
    const { firstByte, lastByte } = bytesOf(firstLeaf, endLeaf, exampleBytes);
    assert.equal(`${firstByte}-${lastByte}`, range);
    assert.equal(isTreeHashAligned({ firstByte, lastByte }, exampleBytes), true);
    const bytes = content("M", exampleBytes).subarray(firstByte, lastByte + 1);
    const leaves = Array.from({ length: endLeaf - firstLeaf }, (_, index) =>
      sha256(bytes.subarray(index * leafSizeBytes, (index + 1) * leafSizeBytes)),
    );
    assert.equal(toHex(rootOf(leaves, sha256)), treeHash);
  });
}

for (const [firstLeaf, endLeaf] of unalignedVectors) {
  test(`leaves ${firstLeaf} to ${endLeaf} of 6.5 MiB are not aligned`, () => {
    assert.equal(isTreeHashAligned(bytesOf(firstLeaf, endLeaf, exampleBytes), exampleBytes), false);
  });
}

test("a range is aligned exactly when its own tree hash is a node of the archive's tree", () => {
  for (let count = 1; count <= 40; count += 1) {
    const leaves = countedLeaves(count);
    const nodes = new Set(allNodes(leaves).map(({ digest }) => toHex(digest)));
    for (const sizeBytes of [count * leafSizeBytes, count * leafSizeBytes - 1, (count - 1) * leafSizeBytes + 1]) {
      for (let first = 0; first < count; first += 1) {
        for (let end = first + 1; end <= count; end += 1) {
          const isNode = nodes.has(toHex(rootOf(leaves.slice(first, end), sha256)));
          const isAligned = isTreeHashAligned(bytesOf(first, end, sizeBytes), sizeBytes);
          assert.equal(isAligned, isNode, `[${first}, ${end}) of ${sizeBytes} bytes`);
        }
      }
    }
  }
});

test("a range that begins or ends within a leaf is never aligned, unless the archive ends there", () => {
  const size = fc.integer({ min: 1, max: 5 * leafSizeBytes });
  fc.assert(
    fc.property(size, size, size, (sizeBytes, a, b) => {
      const firstByte = Math.min(a, b) - 1;
      const lastByte = Math.max(a, b) - 1;
      const isCut =
        firstByte % leafSizeBytes !== 0 || ((lastByte + 1) % leafSizeBytes !== 0 && lastByte + 1 !== sizeBytes);
      if (isCut) assert.equal(isTreeHashAligned({ firstByte, lastByte }, sizeBytes), false);
    }),
  );
});

test("alignment holds for archives of forty terabytes", () => {
  const leavesMax = limits.archiveSizeBytesMax / leafSizeBytes;
  const leaf = fc.integer({ min: 1, max: leavesMax });
  const span = fc.integer({ min: 0, max: 26 });
  fc.assert(
    fc.property(leaf, leaf, span, fc.integer({ min: -1, max: 1 }), (count, start, exponent, shift) => {
      // Near nodes, where right and wrong lie close together.
      const first = Math.floor(((start - 1) % count) / 2 ** exponent) * 2 ** exponent;
      const end = Math.min(count, Math.max(first + 1, first + 2 ** exponent + shift));
      const sizeBytes = count * leafSizeBytes - 5;
      assert.equal(isTreeHashAligned(bytesOf(first, end, sizeBytes), sizeBytes), isReachedFromRoot(first, end, count));
    }),
    { numRuns: 5000 },
  );
});

test("a range that is not within the archive is not aligned", () => {
  for (const [firstByte, lastByte] of [
    [0, exampleBytes],
    [0, 7 * leafSizeBytes - 1],
    [-1, 5],
    [leafSizeBytes, 0],
    [8 * leafSizeBytes, 9 * leafSizeBytes - 1],
  ]) {
    assert.equal(isTreeHashAligned({ firstByte: firstByte ?? 0, lastByte: lastByte ?? 0 }, exampleBytes), false);
  }
});

/** Walks down from the root, where a node of n leaves divides at the greatest power of two below n. */
function isReachedFromRoot(first: number, end: number, count: number): boolean {
  let [nodeFirst, nodeEnd] = [0n, BigInt(count)];
  while (nodeFirst !== BigInt(first) || nodeEnd !== BigInt(end)) {
    if (nodeEnd - nodeFirst === 1n) return false;
    let half = 1n;
    while (half * 2n < nodeEnd - nodeFirst) half *= 2n;
    const middle = nodeFirst + half;
    if (BigInt(end) <= middle) nodeEnd = middle;
    else if (BigInt(first) >= middle) nodeFirst = middle;
    else return false;
  }
  return true;
}

function bytesOf(firstLeaf: number, endLeaf: number, sizeBytes: number): { firstByte: number; lastByte: number } {
  return { firstByte: firstLeaf * leafSizeBytes, lastByte: Math.min(endLeaf * leafSizeBytes, sizeBytes) - 1 };
}
