import assert from "node:assert/strict";
import { test } from "node:test";
import { Bandwidth, paced } from "../../src/transfers/bandwidth.ts";

const never = new AbortController().signal;

test("all that share a bandwidth are together no faster than it", async () => {
  const bandwidth = new Bandwidth(1_000_000);
  const started = performance.now();
  const one = async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      await bandwidth.take(10_000, never);
    }
  };
  await Promise.all([one(), one(), one()]);
  const milliseconds = performance.now() - started;
  // 600,000 bytes, of which 200 ms are the burst.
  assert.ok(milliseconds >= 390, `${milliseconds} ms`);
});

test("a wait for bandwidth ends when it is aborted", async () => {
  const bandwidth = new Bandwidth(1);
  await assert.rejects(bandwidth.take(1000, AbortSignal.timeout(20)), { name: "AbortError" });
});

test("a bandwidth of 0 is refused", () => {
  for (const rate of [0, -1, Number.NaN]) {
    assert.throws(() => new Bandwidth(rate), RangeError);
  }
});

test("at a low rate bytes pass in small pieces, so that no connection is silent for long", async () => {
  const kibibyte = 1024;
  for (const [bytesPerSecond, connections] of [
    [2 * kibibyte, 1],
    [24 * kibibyte, 1],
    [200 * kibibyte, 12],
  ] as const) {
    const bandwidth = new Bandwidth(bytesPerSecond);
    assert.equal(bandwidth.connectionsMax, connections);
    const secondsBetweenPieces = (bandwidth.pieceBytesMax * connections) / bytesPerSecond;
    assert.ok(secondsBetweenPieces <= 5, `${secondsBetweenPieces} s between two pieces of one connection`);
    assert.ok(bytesPerSecond / connections >= 2 * kibibyte, "a server takes less for a stalled client");
  }
});

test("pieces are divided according to the rate, and unchanged at a high rate", async () => {
  class Unlimited extends Bandwidth {
    readonly taken: number[] = [];
    override async take(bytes: number): Promise<void> {
      this.taken.push(bytes);
    }
  }
  async function* source() {
    yield Buffer.from("0123456789");
    yield Buffer.from("abc");
  }
  const slow = new Unlimited(16);
  const pieces: string[] = [];
  for await (const piece of paced(source(), slow, never)) {
    pieces.push(Buffer.from(piece).toString());
  }
  assert.deepEqual(pieces, ["0123", "4567", "89", "abc"]);
  assert.deepEqual(slow.taken, [4, 4, 2, 3]);

  const fast = new Unlimited(1_000_000);
  for await (const _ of paced(source(), fast, never));
  assert.deepEqual(fast.taken, [10, 3]);
});
