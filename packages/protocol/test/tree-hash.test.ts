import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { fromHex, isHexBytes, leafCount, leafSizeBytes, rootOf, TreeHasher, toHex } from "@moraine/protocol";
import fc from "fast-check";
import { content, type Kind, linearVectors, multipartVector, treeVectors } from "./content-vectors.ts";
import { countedLeaves, naiveRoot, sha256 } from "./naive-tree.ts";

for (const [kind, sizeBytes, expected] of treeVectors) {
  test(`the tree hash of ${sizeBytes} bytes of kind ${kind} is as published`, () => {
    assert.equal(toHex(rootOf(leavesOf(content(kind, sizeBytes)), sha256)), expected);
  });
}

for (const [kind, sizeBytes, expected] of linearVectors) {
  test(`the content of ${sizeBytes} bytes of kind ${kind} is the one the vectors speak of`, () => {
    assert.equal(hash("sha256", content(kind, sizeBytes)), expected);
  });
}

test("the tree hash of short texts is their plain hash", () => {
  for (const text of ["a", "hello world"]) {
    assert.equal(toHex(rootOf(leavesOf(Buffer.from(text)), sha256)), hash("sha256", text));
  }
});

test("part hashes are the tree hashes of the parts, and combine to the archive's", () => {
  const bytes = content("M", 16_986_931);
  const parts = multipartVector.ranges.map((range) => {
    const [first = 0, last = 0] = range.match(/\d+/g)?.map(Number) ?? [];
    return rootOf(leavesOf(bytes.subarray(first, last + 1)), sha256);
  });
  assert.deepEqual(parts.map(toHex), multipartVector.partHashes);
  assert.equal(toHex(rootOf(multipartVector.partHashes.map(fromHex), sha256)), multipartVector.archiveHash);
});

test("the root equals that of the guide's level-by-level procedure", () => {
  for (let count = 0; count <= 130; count += 1) {
    const leaves = countedLeaves(count);
    assert.equal(toHex(rootOf(leaves, sha256)), toHex(naiveRoot(leaves)), `${count} leaves`);
  }
});

test("subtrees of any power of two combine to the same root as their leaves", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 6 }), (count, exponent) => {
      const leaves = countedLeaves(count);
      const span = 2 ** exponent;
      const parts = Array.from({ length: Math.ceil(count / span) }, (_, index) =>
        rootOf(leaves.slice(index * span, (index + 1) * span), sha256),
      );
      assert.equal(toHex(rootOf(parts, sha256)), toHex(naiveRoot(leaves)));
    }),
  );
});

test("a root may be asked for at any time, again and again, and pushing continues", () => {
  const leaves = countedLeaves(40);
  const hasher = new TreeHasher(sha256);
  assert.equal(toHex(hasher.root()), toHex(naiveRoot([])));
  for (const [index, leaf] of leaves.entries()) {
    hasher.push(leaf);
    const expected = toHex(naiveRoot(leaves.slice(0, index + 1)));
    assert.equal(toHex(hasher.root()), expected);
    assert.equal(toHex(hasher.root()), expected);
  }
});

test("the digests pushed are not changed", () => {
  const leaves = countedLeaves(5);
  const before = leaves.map(toHex);
  rootOf(leaves, sha256);
  assert.deepEqual(leaves.map(toHex), before);
});

test("forty terabytes have some forty million leaves", () => {
  assert.equal(leafCount(0), 0);
  assert.equal(leafCount(1), 1);
  assert.equal(leafCount(leafSizeBytes), 1);
  assert.equal(leafCount(leafSizeBytes + 1), 2);
  assert.equal(leafCount(42_949_672_960_000), 40_960_000);
});

test("digests survive the way to hexadecimal and back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (digest) => {
      assert.equal(toHex(digest), Buffer.from(digest).toString("hex"));
      assert.deepEqual(fromHex(toHex(digest)), digest);
      assert.deepEqual(fromHex(toHex(digest).toUpperCase()), digest);
    }),
  );
});

test("throws for a string that is no digest in hexadecimal", () => {
  for (const text of ["", "00", "0".repeat(63), "0".repeat(65), "g".repeat(64), `${"0".repeat(64)}\n`]) {
    assert.throws(() => fromHex(text), TypeError);
  }
});

test("a checksum that cannot be read as bytes is distinguished from one of the wrong length", () => {
  assert.equal(isHexBytes("000"), false);
  assert.equal(isHexBytes(""), false);
  assert.equal(isHexBytes("0g"), false);
  assert.equal(isHexBytes("0".repeat(32)), true);
  assert.equal(isHexBytes("Ab".repeat(32)), true);
});

function leavesOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: leafCount(bytes.length) }, (_, index) =>
    sha256(bytes.subarray(index * leafSizeBytes, (index + 1) * leafSizeBytes)),
  );
}

test("the kinds of content are what they say", () => {
  const kinds: [Kind, number[]][] = [
    ["Z", [0, 0]],
    ["O", [0x30, 0x30]],
    ["M", [0, 1]],
  ];
  for (const [kind, start] of kinds) assert.deepEqual([...content(kind, 2)], start);
  assert.equal(content("M", 252)[251], 0);
});
