import assert from "node:assert/strict";
import { type Story, start } from "./world.ts";

export function trustedTimeStories(story: Story): void {
  story("there is no trusted time before the first run", async ({ store }) => {
    assert.equal(await store.trustedTime(), null);
  });

  story("the trusted time is raised, and never lowered", async ({ store }) => {
    await store.raiseTrustedTime(start);
    assert.equal(await store.trustedTime(), start);
    await store.raiseTrustedTime(start + 1);
    await store.raiseTrustedTime(start);
    assert.equal(await store.trustedTime(), start + 1);
  });
}
