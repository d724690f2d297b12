import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { beforeEach, mock, test } from "node:test";
import { BlockPool, sharedBlocks } from "../../src/segments/blocks.ts";

const milliseconds = 1000;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
});

/** A pool whose blocks are all taken; what comes back goes to the next who waits. */
function takenPool(most: number) {
  const pool = new BlockPool(() => Buffer.alloc(1), most);
  const taken = Array.from({ length: most }, () => pool.acquireIdle());
  return {
    pool,
    /** In that time, this many of those who waited before are served. */
    serve(count: number): void {
      for (let served = 0; served < count; served += 1) {
        const block = taken[0];
        assert.ok(block);
        pool.release(block);
        mock.timers.tick(milliseconds / count);
      }
    },
  };
}

const outcomes = async (waiting: readonly Promise<Buffer | null>[]) =>
  (await Promise.all(waiting)).map((block) => (block === null ? "none" : "a block"));

test("times out without a block when slow clients hold them", async () => {
  const { pool, serve } = takenPool(5);
  const waiting = Array.from({ length: 10 }, () => pool.acquire(milliseconds));
  serve(4); // Five returns would be each of the five blocks once.
  assert.deepEqual(await outcomes(waiting), [...Array(4).fill("a block"), ...Array(6).fill("none")]);
});

test("waits in turn beyond the timeout while blocks are returned quickly", async () => {
  const { pool, serve } = takenPool(5);
  const waiting = Array.from({ length: 40 }, () => pool.acquire(milliseconds));
  for (let turn = 0; turn < 8; turn += 1) {
    serve(5);
  }
  assert.deepEqual(await outcomes(waiting), Array(40).fill("a block"));
});

test("times out once blocks are no longer returned quickly", async () => {
  const { pool, serve } = takenPool(5);
  const waiting = Array.from({ length: 20 }, () => pool.acquire(milliseconds));
  serve(5);
  serve(1);
  assert.deepEqual(await outcomes(waiting), [...Array(6).fill("a block"), ...Array(14).fill("none")]);
  const block = pool.acquire(milliseconds);
  serve(1);
  assert.deepEqual(await outcomes([block]), ["a block"]);
});

test("blocks that nobody asks for reserve no memory", () => {
  const reservedBytes = () =>
    1024 * Number(/^VmData:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  const before = reservedBytes();
  const makers = Array.from({ length: 100 }, () => sharedBlocks(8, 2 * 1024 ** 2));
  assert.ok(reservedBytes() - before < 512 * 1024 ** 2);
  assert.equal(makers[0]?.().length, 2 * 1024 ** 2);
});
