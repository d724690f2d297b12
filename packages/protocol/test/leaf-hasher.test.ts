import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { type Digest, LeafHasher, leafSizeBytes, toHex } from "@moraine/protocol";
import fc from "fast-check";
import { sha256 } from "./naive-tree.ts";

const node = { of: sha256, start: () => createHash("sha256") };
const content = randomBytes(3 * leafSizeBytes + 12_345);
const leaves = [0, 1, 2, 3].map((leaf) =>
  toHex(sha256(content.subarray(leaf * leafSizeBytes, (leaf + 1) * leafSizeBytes))),
);

function collecting(): { readonly hasher: LeafHasher; readonly digests: string[] } {
  const digests: string[] = [];
  return { hasher: new LeafHasher(node, (digest: Digest) => digests.push(toHex(digest))), digests };
}

test("leaves have the same digests however their bytes are cut into pieces", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: content.length }),
    fc.constantFrom(leafSizeBytes - 1, leafSizeBytes, leafSizeBytes + 1, 2 * leafSizeBytes, 65_536),
  );
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 8 }), (sizes) => {
      const { hasher, digests } = collecting();
      for (let start = 0, turn = 0; start < content.length; turn += 1) {
        const end = start + (sizes[turn % sizes.length] ?? 1) + 999;
        hasher.update(content.subarray(start, end));
        start = end;
      }
      hasher.end();
      assert.deepEqual(digests, leaves);
    }),
    { numRuns: 40 },
  );
});

test("a leaf is passed on as soon as it is full, and memory that is used again does not change it", () => {
  const { hasher, digests } = collecting();
  const block = Buffer.from(content.subarray(0, leafSizeBytes - 1));
  hasher.update(block);
  assert.deepEqual(digests, []);
  block.fill(0);
  hasher.update(content.subarray(leafSizeBytes - 1, leafSizeBytes));
  assert.deepEqual(digests, leaves.slice(0, 1));
});

test("content of whole leaves has no other leaf at its end, and empty content has none", () => {
  const { hasher, digests } = collecting();
  hasher.end();
  assert.deepEqual(digests, []);
  hasher.update(content.subarray(0, 2 * leafSizeBytes));
  hasher.end();
  assert.deepEqual(digests, leaves.slice(0, 2));
});

test("a partial leaf can be discarded, and started again", () => {
  const { hasher, digests } = collecting();
  hasher.update(content.subarray(0, leafSizeBytes + 5));
  hasher.discard();
  hasher.update(content.subarray(leafSizeBytes));
  hasher.end();
  assert.deepEqual(digests, leaves);
});
