import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestSize } from "../../src/transfers/download/ranges/request-size.ts";

const mebibyte = 1024 ** 2;

test("requests that were sent together and break together halve the size once", () => {
  const size = new RequestSize(32 * mebibyte);
  for (let broken = 0; broken < 4; broken += 1) size.broke(32 * mebibyte);
  assert.equal(size.bytes, 16 * mebibyte);
});

test("the size is at least a mebibyte, however often connections break", () => {
  const size = new RequestSize(4 * mebibyte);
  for (let broken = 0; broken < 10; broken += 1) size.broke(size.bytes);
  assert.equal(size.bytes, mebibyte);
  size.broke(77);
  assert.equal(size.bytes, mebibyte);
});

test("the size is a power of two of mebibytes, also when the rest of a range broke", () => {
  const size = new RequestSize(32 * mebibyte);
  size.broke(6 * mebibyte + 5);
  assert.equal(size.bytes, 2 * mebibyte);
});

test("eight full requests in a row double the size, up to its first value", () => {
  const size = new RequestSize(4 * mebibyte);
  size.broke(4 * mebibyte);
  for (let done = 0; done < 7; done += 1) size.completed(2 * mebibyte);
  size.completed(mebibyte); // The end of a range.
  assert.equal(size.bytes, 2 * mebibyte);
  size.completed(2 * mebibyte);
  assert.equal(size.bytes, 4 * mebibyte);
  for (let done = 0; done < 20; done += 1) size.completed(4 * mebibyte);
  assert.equal(size.bytes, 4 * mebibyte);
});
