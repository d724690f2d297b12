import assert from "node:assert/strict";
import { test } from "node:test";
import { retryDelayMilliseconds } from "../../src/domain/notifications/notification.ts";

const second = 1000;
const hour = 60 * 60 * second;

test("a retry waits for a second at least, and up to a ceiling that doubles up to an hour", () => {
  const ceilings = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600].map((seconds) => seconds * second);
  for (const [index, ceiling] of ceilings.entries()) {
    assert.equal(retryDelayMilliseconds(index + 1, 0), second);
    assert.equal(retryDelayMilliseconds(index + 1, 0.5), (second + ceiling) / 2);
    assert.equal(retryDelayMilliseconds(index + 1, 1 - 2 ** -52), ceiling - 1);
  }
});

test("a retry never waits for longer than an hour, however many there were", () => {
  for (const attempts of [100, 1000, 1e9]) {
    assert.equal(retryDelayMilliseconds(attempts, 1 - 2 ** -52), hour - 1);
  }
});
