import assert from "node:assert/strict";
import { type Story, start } from "./world.ts";

export function trustedTimeStories(story: Story): void {
  const boot = { id: "a boot", time: start - 5, monotonic: 7, unproven: 3 };
  const state = { highWater: start, monotonic: 12, boot };

  story("there is no trusted time before the first run", async ({ store }) => {
    assert.equal(await store.trustedTime(), null);
  });

  story("the trusted time is raised, and never lowered", async ({ store }) => {
    await store.raiseTrustedTime(state);
    assert.deepEqual(await store.trustedTime(), state);
    const later = { highWater: start + 1, monotonic: 13, boot: { ...boot, id: null, unproven: 0 } };
    await store.raiseTrustedTime(later);
    await store.raiseTrustedTime(state);
    assert.deepEqual(await store.trustedTime(), later);
    const again = { ...later, monotonic: 1, boot: null };
    await store.raiseTrustedTime(again);
    assert.deepEqual(await store.trustedTime(), again);
  });
}
