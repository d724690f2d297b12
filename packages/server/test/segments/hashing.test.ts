import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import fc from "fast-check";
import { content, linearVectors, treeVectors } from "../../../protocol/test/content-vectors.ts";
import { digestOfLeaf, LeafHasher } from "../../src/segments/content-hash.ts";
import { HashPool } from "../../src/segments/hash-pool.ts";
import { mebibyte, treeHashOf } from "../support/glacier.ts";

const failures: Error[] = [];
const pool = new HashPool(3, (error) => failures.push(error));
after(async () => {
  await pool.close();
  assert.deepEqual(failures, []);
});

function shared(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

const leafDigests = (bytes: Buffer) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(bytes.length / mebibyte) }, (_, index) =>
      hash("sha256", bytes.subarray(index * mebibyte, (index + 1) * mebibyte), "buffer"),
    ),
  );

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (let index = 0; start < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? mebibyte;
    pieces.push(bytes.subarray(start, start + size));
    start += size;
  }
  return pieces;
}

async function hashed(pieces: readonly Buffer[]) {
  const running = pool.start();
  await Promise.all(pieces.map((piece) => running.update(shared(piece))));
  return running.digest();
}

const chunking = fc.record({
  sizeBytes: fc.integer({ min: 1, max: 3 * mebibyte }),
  sizes: fc.array(fc.integer({ min: 20_000, max: 2 * mebibyte }), { minLength: 1, maxLength: 5 }),
});

describe("hashing on other threads", () => {
  test("gives what node:crypto gives, however the bytes are cut", async () => {
    const property = fc.asyncProperty(chunking, async ({ sizeBytes, sizes }) => {
      const bytes = randomBytes(sizeBytes);
      const digest = await hashed(cut(bytes, sizes));
      assert.equal(digest.sha256, hash("sha256", bytes));
      assert.equal(digest.treeHash, treeHashOf(bytes));
      assert.deepEqual(Buffer.from(digest.leaves), leafDigests(bytes));
    });
    await fc.assert(property, { numRuns: 25 });
  });

  test("keeps many bodies apart", async () => {
    const bodies = Array.from({ length: 20 }, () => randomBytes(700_000));
    const digests = await Promise.all(bodies.map((body) => hashed(cut(body, [99_999, 262_144]))));
    assert.deepEqual(
      digests.map(({ sha256 }) => sha256),
      bodies.map((body) => hash("sha256", body)),
    );
  });

  test("an abandoned body disturbs nobody", async () => {
    const abandoned = pool.start();
    await abandoned.update(shared(randomBytes(1000)));
    abandoned.abandon();
    const body = randomBytes(1000);
    assert.equal((await hashed([body])).sha256, hash("sha256", body));
  });

  test("a thread that ends fails the bodies on it, and says so once", async () => {
    const reasons: Error[] = [];
    const doomed = new HashPool(1, (error) => reasons.push(error));
    const running = doomed.start();
    await running.digest();
    // A digest that is asked for twice is our own mistake: the thread dies of it.
    await assert.rejects(running.digest());
    assert.equal(reasons.length, 1);
    await doomed.close();
  });
});

describe("leaf hashes", () => {
  test("have the contract's tree hashes, in pieces that do not end where leaves do", () => {
    for (const [kind, sizeBytes, treeHash] of treeVectors) {
      const hasher = new LeafHasher();
      for (const piece of cut(content(kind, sizeBytes), [700_001])) {
        hasher.update(piece);
      }
      assert.equal(hasher.digest().treeHash, treeHash, `${kind} ${sizeBytes}`);
    }
  });

  test("on a thread they come with the contract's linear hashes", async () => {
    for (const [kind, sizeBytes, sha256] of linearVectors) {
      assert.equal((await hashed(cut(content(kind, sizeBytes), [262_144]))).sha256, sha256);
    }
  });
});

describe("hashing at once", () => {
  test("gives what node:crypto gives for up to one leaf", () => {
    for (const sizeBytes of [0, 1, 1000, mebibyte]) {
      const bytes = randomBytes(sizeBytes);
      const digest = digestOfLeaf(bytes);
      const expected = hash("sha256", bytes);
      assert.deepEqual(
        [digest.sha256, digest.treeHash, Buffer.from(digest.leaves).toString("hex")],
        [expected, expected, expected],
      );
    }
  });

  test("takes no more than a leaf", () => {
    assert.throws(() => digestOfLeaf(Buffer.alloc(mebibyte + 1)), RangeError);
  });
});
