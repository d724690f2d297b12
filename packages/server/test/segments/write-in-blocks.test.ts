import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BlockPool, blockSizeBytes, sharedBlocks } from "../../src/segments/blocks.ts";
import { writeInBlocks } from "../../src/segments/write-in-blocks.ts";
import { idleBlocks } from "../support/idle-blocks.ts";

const blocksMax = 8;
const poolOf = (most: number) => new BlockPool(sharedBlocks(most, blockSizeBytes), most);

/** A body that counts the pieces that were asked for. */
function countedBody(pieces: number, sizeBytes: number) {
  const counts = { asked: 0 };
  async function* body() {
    for (let piece = 0; piece < pieces; piece += 1) {
      counts.asked += 1;
      yield new Uint8Array(sizeBytes);
    }
  }
  return { counts, body: body() };
}

function endAll(writes: ReadonlyArray<() => void>): void {
  for (const end of writes) {
    end();
  }
}

/** Long enough for everything that can happen without a write that ends. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 50; turns += 1) {
    await turn();
  }
}

describe("writing a body in blocks", () => {
  test("reads no further than six blocks ahead of the writes", async () => {
    const pool = poolOf(blocksMax);
    const { counts, body } = countedBody(20, blockSizeBytes);
    const writes: Array<() => void> = [];
    const received = writeInBlocks(body, pool, () => new Promise((resolve) => writes.push(resolve)));
    await settle();
    assert.deepEqual({ asked: counts.asked, writes: writes.length }, { asked: 6, writes: 6 });
    writes[0]?.();
    await settle();
    assert.equal(counts.asked, 7);
    while (counts.asked < 20) {
      endAll(writes);
      await settle();
    }
    endAll(writes);
    assert.equal(await received, 20 * blockSizeBytes);
    assert.equal(idleBlocks(pool), blocksMax);
  });

  test("reads no further than two blocks ahead of the writes when it may have two", async () => {
    const pool = poolOf(blocksMax);
    const { counts, body } = countedBody(3, blockSizeBytes);
    const writes: Array<() => void> = [];
    const received = writeInBlocks(body, pool, () => new Promise((resolve) => writes.push(resolve)), 2);
    await settle();
    assert.deepEqual({ asked: counts.asked, writes: writes.length }, { asked: 2, writes: 2 });
    writes[0]?.();
    await settle();
    endAll(writes);
    assert.equal(await received, 3 * blockSizeBytes);
    assert.equal(idleBlocks(pool), blocksMax);
  });

  test("asks for the next piece only once the one without a block is written", async () => {
    const pool = poolOf(1);
    assert.notEqual(pool.acquireIdle(), null);
    pool.acquire = async () => null; // At once, and not after two seconds.
    const { counts, body } = countedBody(3, 1000);
    const writes: Array<() => void> = [];
    const received = writeInBlocks(body, pool, () => new Promise((resolve) => writes.push(resolve)));
    for (let asked = 1; asked <= 3; asked += 1) {
      await settle();
      assert.deepEqual({ asked: counts.asked, writes: writes.length }, { asked, writes: asked });
      writes.at(-1)?.();
    }
    assert.equal(await received, 3000);
  });

  test("rejects with the failure of a write, after all writes have ended and all blocks are back", async () => {
    const pool = poolOf(blocksMax);
    const { body } = countedBody(20, blockSizeBytes);
    let writes = 0;
    let ended = 0;
    const write = async () => {
      writes += 1;
      const isBroken = writes === 3;
      if (!isBroken) {
        await settle();
      }
      ended += 1;
      assert.ok(!isBroken, "the disk broke");
    };
    await assert.rejects(writeInBlocks(body, pool, write), /the disk broke/);
    assert.equal(ended, writes);
    assert.equal(idleBlocks(pool), blocksMax);
  });
});
