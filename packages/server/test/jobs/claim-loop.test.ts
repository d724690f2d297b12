import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import { onlyNode } from "../../src/domain/node.ts";
import { type ClaimedWork, startClaimLoop } from "../../src/jobs/claim-loop.ts";

test("rounds that fail leave no listeners behind", async () => {
  const listeners: number[] = [];
  const failedThrice = Promise.withResolvers<void>();
  const claims = ["the only one"];
  const started = Promise.withResolvers<void>();
  let signal = new AbortController().signal;
  const work: ClaimedWork<string> = {
    name: "work",
    atOnceMax: 2,
    claim: async () => claims.splice(0),
    nextDue: async () => {
      await started.promise;
      listeners.push(getEventListeners(signal, "abort").length);
      if (listeners.length === 4) failedThrice.resolve();
      throw new Error("the store is busy");
    },
    run: async (_claim, stopping) => {
      signal = stopping;
      started.resolve();
    },
  };
  const loop = startClaimLoop({ clock: new ManualClock(0), node: onlyNode, log: { postponed: () => undefined } }, work);
  await failedThrice.promise;
  await loop.stop();
  assert.deepEqual(listeners, [0, 0, 0, 0]);
});
