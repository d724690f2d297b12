import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { contentOf, sha256Of, treeHashOf } from "../../../../test/support/content.ts";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { ByteBudget } from "../../src/targets/parts/byte-budget.ts";
import { PartBuffers } from "../../src/targets/parts/part-buffers.ts";
import { partSizeFor } from "../../src/targets/parts/part-size.ts";

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;

async function* pieces(bytes: Uint8Array, size: number) {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

test("a part is held with its hashes, in memory or in a file without a name, and opened repeatedly", async () => {
  await using folder = await temporaryFolder(memoryFolder);
  const path = join(folder.path, "state");
  await using buffers = new PartBuffers(path);
  for (const sizeBytes of [1, 300_000, 8 * mebibyte, 8 * mebibyte + 1, 16 * mebibyte]) {
    const bytes = contentOf(sizeBytes, sizeBytes);
    await using part = await buffers.hold(pieces(bytes, 1_000_000), sizeBytes, never);
    assert.deepEqual(
      [part.sizeBytes, part.sha256, part.treeHash, part.md5],
      [sizeBytes, sha256Of(bytes), treeHashOf(bytes), createHash("md5").update(bytes).digest("hex")],
    );
    for (let time = 0; time < 2; time += 1) {
      const opened = part.open();
      assert.ok((opened instanceof Uint8Array ? Buffer.from(opened) : await buffer(opened)).equals(bytes));
    }
    assert.deepEqual(await readdir(path).catch(() => []), []);
  }
});

test("more or fewer bytes than expected are refused, and their memory is free again", async () => {
  await using folder = await temporaryFolder(memoryFolder);
  await using buffers = new PartBuffers(folder.path);
  for (const sizeBytes of [5 * mebibyte, 9 * mebibyte]) {
    for (const wrong of [-1, 1]) {
      const bytes = contentOf(1, sizeBytes + wrong);
      for (let time = 0; time < 8; time += 1) {
        await assert.rejects(buffers.hold(pieces(bytes, mebibyte), sizeBytes, never), /expected \d+$/);
      }
    }
  }
});

test("a budget is served in order, and a request that is too large is served alone", async () => {
  const budget = new ByteBudget(100);
  const order: string[] = [];
  const ask = async (name: string, bytes: number, signal = never) => {
    const held = await budget.acquire(bytes, signal);
    order.push(name);
    return held;
  };
  const first = await ask("first", 60);
  const large = ask("large", 500);
  const small = ask("small", 10);
  const stopping = new AbortController();
  const aborted = ask("aborted", 10, stopping.signal);
  stopping.abort(new Error("stopped"));
  await assert.rejects(aborted, /stopped/);
  assert.deepEqual(order, ["first"], "a small request does not pass a large one");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  const held = await large;
  assert.deepEqual(order, ["first", "large"]);
  held[Symbol.dispose]();
  (await small)[Symbol.dispose]();
  await assert.rejects(ask("late", 1, AbortSignal.abort(new Error("stopped"))), /stopped/);
  assert.deepEqual(order, ["first", "large", "small"]);
});

test("parts are powers of two of mebibytes, of which 10,000 hold the archive", () => {
  for (const [sizeBytes, expected] of [
    [1, 8],
    [80_000 * mebibyte, 8],
    [80_000 * mebibyte + 1, 16],
    [40_000_000_000_000, 4096],
  ] as const) {
    assert.equal(partSizeFor(sizeBytes), expected * mebibyte);
  }
});
