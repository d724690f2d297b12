import assert from "node:assert/strict";
import { test } from "node:test";
import { ReceivedBytes } from "../../src/transfers/download/ranges/received-bytes.ts";

test("bytes that are received again are repeated, and are progress only if they were wrong before", () => {
  const received = new ReceivedBytes(100);
  let progress = 0;
  const add = (bytes: number) => received.add(bytes, () => (progress += 1));
  assert.deepEqual([add(30), received.position, progress], [0, 130, 1]);
  received.moveTo(100);
  assert.deepEqual([add(10), received.position, progress], [10, 110, 1]);
  assert.deepEqual([add(25), received.position, progress], [20, 135, 2], "five of them are new");
  received.distrust(100);
  received.moveTo(100);
  assert.deepEqual([add(10), received.position, progress], [10, 110, 3], "they were wrong");
});
