import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DigestPool } from "../../src/transfers/hashing/digest-pool.ts";
import { combinedTreeHash, digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";

const mebibyte = 1024 ** 2;

/** The content M of docs/wire.md#tree-hash */
const vector = { sizeBytes: 6_815_744, treeHash: "8bcaa7b4b8f991ca140f306627f2c4e84601364cde8e054b6e0924433ca7482f" };
const content = Uint8Array.from({ length: vector.sizeBytes }, (_, index) => index % 251);
const sha256 = createHash("sha256").update(content).digest("hex");

test("bytes are given back unchanged, with both hashes", async () => {
  await using pool = new DigestPool(1);
  const { bytes, ...digest } = await pool.ofBytes(new Uint8Array(content), "both");
  assert.deepEqual(digest, { treeHash: vector.treeHash, sha256 });
  assert.ok(Buffer.from(bytes).equals(content));
});

test("parts of a file are hashed on several threads at once, and a file that is too short is noticed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-digest-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "content"), content);
  await using file = await open(join(folder, "content"));
  await using pool = new DigestPool(3);
  const parts = Array.from({ length: 7 }, (_, index) => {
    const firstByte = index * mebibyte;
    return pool.ofFile(
      { fd: file.fd, firstByte, lastByte: Math.min(firstByte + mebibyte, content.length) - 1 },
      "tree",
    );
  });
  const hashes = (await Promise.all(parts)).map(({ treeHash }) => treeHash);
  assert.equal(combinedTreeHash(hashes), vector.treeHash);
  await assert.rejects(
    pool.ofFile({ fd: file.fd, firstByte: 0, lastByte: content.length }, "tree"),
    /ends at byte 6815744/,
  );
});

test("a pool that is started in advance has its thread by the first request", async () => {
  let threads = 0;
  const count = () => {
    threads += 1;
  };
  subscribe("worker_threads", count);
  await using pool = new DigestPool(2);
  pool.start();
  assert.equal(threads, 1);
  await pool.ofBytes(new Uint8Array(content), "both");
  assert.equal(threads, 1);
  unsubscribe("worker_threads", count);
});

test("bytes too few for another thread give the same hashes", async () => {
  await using pool = new DigestPool(1);
  const few = new Uint8Array(randomBytes(1000));
  const { bytes: _, ...digest } = await pool.ofBytes(few, "both");
  assert.deepEqual(digest, digestOfBytes(few, "both"));
  assert.equal(digest.treeHash, digest.sha256);
});
