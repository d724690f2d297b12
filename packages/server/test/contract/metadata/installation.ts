import assert from "node:assert/strict";
import type { AccountId } from "@moraine/protocol";
import type { Story } from "./world.ts";

const first = { accountId: "123456789012" as AccountId, region: "us-east-1" };
const second = { accountId: "210987654321" as AccountId, region: "eu-west-1" };

export function installationStories(story: Story): void {
  story("the first claim of an installation holds for good", async ({ store }) => {
    assert.deepEqual(await store.claimInstallation(first), { ...first, unshownKeyId: null });
    assert.deepEqual(await store.claimInstallation(second), { ...first, unshownKeyId: null });
  });

  story("an installation keeps which key is yet to be shown", async ({ store }) => {
    await store.claimInstallation(first);
    await store.setUnshownKey("AKIA0000");
    assert.deepEqual(await store.claimInstallation(first), { ...first, unshownKeyId: "AKIA0000" });
    await store.setUnshownKey(null);
    assert.deepEqual(await store.claimInstallation(first), { ...first, unshownKeyId: null });
  });
}
