import assert from "node:assert/strict";
import type { AccountId } from "@moraine/protocol";
import { accountId, otherAccountId, type Story, start } from "./world.ts";

export function credentialStories(story: Story): void {
  story("an access key is found with its sealed secret, byte for byte", async ({ store }) => {
    const key = keyOf("AKIA1", accountId, 255, 0, 7);
    await store.putAccessKey({ ...key, now: start });
    assert.deepEqual(await store.findAccessKey("AKIA1"), key);
    assert.equal(await store.findAccessKey("akia1"), null);
  });

  story("an account's keys are listed oldest first", async ({ store }) => {
    await store.putAccessKey({ ...keyOf("C", accountId), now: start });
    await store.putAccessKey({ ...keyOf("B", accountId), now: start + 2 });
    await store.putAccessKey({ ...keyOf("A", accountId), now: start + 1 });
    await store.putAccessKey({ ...keyOf("D", otherAccountId), now: start });
    const ids = (await store.listAccessKeys(accountId)).map(({ accessKeyId }) => accessKeyId);
    assert.deepEqual(ids, ["C", "A", "B"]);
  });

  story("putting a key again replaces its secret and keeps its place", async ({ store }) => {
    await store.putAccessKey({ ...keyOf("A", accountId, 1), now: start });
    await store.putAccessKey({ ...keyOf("B", accountId, 2), now: start + 1 });
    await store.putAccessKey({ ...keyOf("A", accountId, 3), now: start + 2 });
    assert.deepEqual(await store.listAccessKeys(accountId), [keyOf("A", accountId, 3), keyOf("B", accountId, 2)]);
  });

  story("a key does not move to another account", async ({ store }) => {
    await store.putAccessKey({ ...keyOf("A", accountId, 1), now: start });
    const moved = store.putAccessKey({ ...keyOf("A", otherAccountId, 2), now: start });
    await assert.rejects(moved, { name: "InvariantError" });
    assert.deepEqual(await store.findAccessKey("A"), keyOf("A", accountId, 1));
    assert.deepEqual(await store.listAccessKeys(otherAccountId), []);
  });
}

function keyOf(accessKeyId: string, account: AccountId, ...secret: number[]) {
  return { accessKeyId, accountId: account, sealedSecret: Uint8Array.from(secret) };
}
