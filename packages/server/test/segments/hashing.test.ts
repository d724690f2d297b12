import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { content, linearVectors, treeVectors } from "../../../protocol/test/content-vectors.ts";
import { digestOfLeaf, LeafHashes } from "../../src/segments/hashing/content-hash.ts";
import { HashPool } from "../../src/segments/hashing/hash-pool.ts";
import { mebibyte, treeHashOf } from "../support/glacier.ts";

const failures: Error[] = [];
const pool = new HashPool(3, (error) => failures.push(error));
after(async () => {
  await pool.close();
  assert.deepEqual(failures, []);
});

const disposable = (several: HashPool) => Object.assign(several, { [Symbol.asyncDispose]: () => several.close() });

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
  const running = pool.start(pieces.reduce((sum, piece) => sum + piece.length, 0));
  await Promise.all(pieces.map((piece) => running.update(shared(piece))));
  return running.digest();
}

const chunking = fc.record({
  sizeBytes: fc.integer({ min: 1, max: 3 * mebibyte }),
  sizes: fc.array(fc.integer({ min: 20_000, max: 2 * mebibyte }), { minLength: 1, maxLength: 5 }),
});

describe("hashing on other threads", () => {
  test("gives the hash of bytes at hand, from shared memory and from any other", async () => {
    const all = [0, 1, 300_000, mebibyte, 2 * mebibyte + 1].map((sizeBytes) => randomBytes(sizeBytes));
    const digests = await Promise.all(all.flatMap((bytes) => [pool.sha256(bytes), pool.sha256(shared(bytes))]));
    assert.deepEqual(
      digests,
      all.flatMap((bytes) => [hash("sha256", bytes), hash("sha256", bytes)]),
    );
  });

  test("spreads bytes at hand over its threads", async () => {
    const bytes = shared(randomBytes(mebibyte));
    const hashing = Array.from({ length: 6 }, () => pool.sha256(bytes));
    assert.deepEqual(
      pool.loads.map(({ queuedBytes }) => queuedBytes),
      Array(3).fill(2 * mebibyte),
    );
    await Promise.all(hashing);
    assert.deepEqual(
      pool.loads.map(({ queuedBytes }) => queuedBytes),
      Array(3).fill(0),
    );
  });

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
    const abandoned = pool.start(1000);
    await abandoned.update(shared(randomBytes(1000)));
    abandoned.abandon();
    const body = randomBytes(1000);
    assert.equal((await hashed([body])).sha256, hash("sha256", body));
  });

  test("spreads the bodies, and the leaves that are kept, evenly over all threads", async () => {
    for (const threads of [2, 3, 4]) {
      await using several = disposable(new HashPool(threads, (error) => failures.push(error)));
      const bodies = Array.from({ length: 12 }, () => several.start(mebibyte));
      const loads = several.loads.map(({ linear, leaves }) => linear + leaves);
      assert.deepEqual(new Set(loads), new Set([24 / threads]), `${threads} threads`);
      const leaves = several.loads.map((load) => load.leaves);
      assert.ok(Math.max(...leaves) - Math.min(...leaves) <= 1, `leaves of ${leaves} bodies`);
      await Promise.all(bodies.map((body) => body.digest()));
      assert.ok(several.loads.every((load) => load.linear + load.leaves + load.queuedBytes === 0));
    }
  });

  test("runs the two hashes of a body on different threads, and a new body where old ones have ended", async () => {
    await using several = disposable(new HashPool(4, (error) => failures.push(error)));
    const [first, second] = [several.start(mebibyte), several.start(mebibyte)];
    const busy = () => several.loads.map(({ linear, leaves }) => linear + leaves);
    assert.deepEqual(busy(), [1, 1, 1, 1]);
    first.abandon();
    const third = several.start(mebibyte);
    assert.deepEqual(busy(), [1, 1, 1, 1]);
    await Promise.all([second.digest(), third.digest()]);
    assert.deepEqual(busy(), [0, 0, 0, 0]);
  });

  test("refuses more bytes than were announced, and the thread continues with other bodies", async () => {
    const body = pool.start(1000);
    await body.update(shared(randomBytes(1000)));
    await assert.rejects(body.update(shared(randomBytes(1))), RangeError);
    body.abandon();
    const other = randomBytes(1000);
    assert.equal((await hashed([other])).sha256, hash("sha256", other));
  });

  test("a thread that ends fails the bodies on it, and says so once", async () => {
    const reasons: Error[] = [];
    const doomed = new HashPool(1, (error) => reasons.push(error));
    const running = doomed.start(0);
    await running.digest();
    // A digest that is asked for twice is our own mistake: the thread dies of it.
    await assert.rejects(running.digest());
    assert.equal(reasons.length, 1);
    await doomed.close();
  });
});

/** After all garbage is gone, in this thread. */
function usedBytes(): { heap: number; buffers: number } {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}

describe("leaf hashes", () => {
  test("take next to no heap while a body is unfinished, and at most twice their 32 bytes outside of it", () => {
    const block = shared(randomBytes(2 * mebibyte));
    const hasher = new LeafHashes(4096);
    const hashLeaves = (leaves: number) => {
      for (let hashed = 0; hashed < leaves; hashed += 2) {
        hasher.update(block);
      }
    };
    // Memory that the program itself takes at first is not a leaf's.
    hashLeaves(200);
    const before = usedBytes();
    hashLeaves(800);
    const after = usedBytes();
    const heapBytes = (after.heap - before.heap) / 800;
    assert.ok(heapBytes < 64, `${heapBytes} bytes of heap for each leaf`);
    assert.ok(after.buffers <= before.buffers + 1000 * 64, `${after.buffers - before.buffers} bytes of buffers`);
    assert.equal(hasher.digest().leaves.buffer.byteLength, 1000 * 32);
  });

  test("stop at the number that was announced", () => {
    const hasher = new LeafHashes(2);
    hasher.update(Buffer.alloc(2 * mebibyte));
    assert.throws(() => hasher.update(Buffer.alloc(mebibyte)), RangeError);
  });

  test("have the known tree hashes, in pieces that do not end where leaves do", () => {
    for (const [kind, sizeBytes, treeHash] of treeVectors) {
      const hasher = new LeafHashes(Math.ceil(sizeBytes / mebibyte));
      for (const piece of cut(content(kind, sizeBytes), [700_001])) {
        hasher.update(piece);
      }
      assert.equal(hasher.digest().treeHash, treeHash, `${kind} ${sizeBytes}`);
    }
  });

  test("on a thread they have the known linear hashes", async () => {
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
