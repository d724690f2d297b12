import assert from "node:assert/strict";
import type { AccountId } from "@moraine/protocol";
import type { StoredAccessKey } from "../../../src/domain/stores/identity-store.ts";
import type { MetadataStore } from "../../../src/domain/stores/metadata-store.ts";
import { accountId, day, everyPage, hour, otherAccountId, type Story, start } from "./world.ts";

export function accessKeyStories(story: Story): void {
  rootStories(story);
  signatureStories(story);
  userStories(story);
  sessionStories(story);
  sealingStories(story);
}

function rootStories(story: Story): void {
  story("a root's key is found with its sealed secret, byte for byte", async ({ store }) => {
    const key = keyOf("AKIA1", accountId, 255, 0, 7);
    await store.putRootKey({ ...key, now: start });
    const seen = { ...key, user: null, active: true, createdAt: start, session: null };
    assert.deepEqual(await store.findAccessKey("AKIA1"), seen);
    assert.equal(await store.findAccessKey("akia1"), null);
  });

  story("putting a root's key again replaces its secret, keeps its place, and makes it active", async ({ store }) => {
    await store.putRootKey({ ...keyOf("A", accountId, 1), now: start });
    await store.putRootKey({ ...keyOf("B", accountId, 2), now: start + 1 });
    await store.setAccessKeyActive({ accountId, userName: null, accessKeyId: "A", active: false });
    await store.putRootKey({ ...keyOf("A", accountId, 3), now: start + 2 });
    const listed = await store.listAccessKeys({ accountId, userId: null, after: null, limit: 10 });
    assert.deepEqual(
      listed.map(({ accessKeyId, sealedSecret, active }) => [accessKeyId, [...sealedSecret], active]),
      [
        ["A", [3], true],
        ["B", [2], true],
      ],
    );
  });

  story(
    "of the root's keys that starts were given the last is active, and others stay as they are",
    async ({ store }) => {
      const states = async () => {
        const keys = await store.listAccessKeys({ accountId, userId: null, after: null, limit: 10 });
        return keys.map(({ accessKeyId, active }) => `${accessKeyId} ${active ? "active" : "inactive"}`);
      };
      const give = (id: string, now = start) => store.giveRootKey({ ...keyOf(id, accountId), now });
      await store.putRootKey({ ...keyOf("Z", accountId), now: start });
      assert.deepEqual(await give("A"), { replaced: [], others: ["Z"] });
      assert.deepEqual(await give("A"), { replaced: [], others: [] });
      assert.deepEqual(await give("B", start + 1), { replaced: ["A"], others: ["Z"] });
      assert.deepEqual(await states(), ["A inactive", "Z active", "B active"]);
      await store.setAccessKeyActive({ accountId, userName: null, accessKeyId: "Z", active: false });
      await store.setAccessKeyActive({ accountId, userName: null, accessKeyId: "A", active: true });
      assert.deepEqual(await give("B", start + 2), { replaced: [], others: [] });
      assert.deepEqual(await states(), ["A active", "Z inactive", "B active"]);
      assert.deepEqual(await give("C", start + 3), { replaced: ["B"], others: ["A"] });
    },
  );

  story("a root's key does not move to another account, and a user's key is none", async ({ store }) => {
    await store.putRootKey({ ...keyOf("A", accountId, 1), now: start });
    const moved = store.putRootKey({ ...keyOf("A", otherAccountId, 2), now: start });
    await assert.rejects(moved, { name: "InvariantError" });
    await userWithKey(store, "bob", "B");
    await assert.rejects(store.putRootKey({ ...keyOf("B", accountId), now: start }), { name: "InvariantError" });
    assert.equal((await store.findAccessKey("A"))?.accountId, accountId);
    assert.equal(await store.findAccount(otherAccountId), null);
  });

  story("the root's last active key stays, active", async ({ store }) => {
    await store.putRootKey({ ...keyOf("A", accountId), now: start });
    await store.addAccessKey({ key: keyOf("B", accountId), userName: null, now: start });
    const key = { accountId, userName: null };
    await store.setAccessKeyActive({ ...key, accessKeyId: "A", active: false });
    const last = {
      code: "InvalidParameterValueException",
      message: /^The last active key of an account's root stays: B/,
    };
    await assert.rejects(store.setAccessKeyActive({ ...key, accessKeyId: "B", active: false }), last);
    await assert.rejects(store.removeAccessKey({ ...key, accessKeyId: "B" }), last);
    await store.removeAccessKey({ ...key, accessKeyId: "A" });
    assert.equal((await store.findAccessKey("B"))?.active, true);
  });
}

function signatureStories(story: Story): void {
  story("a signature is used once until it expires, and expired ones are dropped as others come", async ({ store }) => {
    const use = (byte: number, now: number) =>
      store.useSignature({ signature: Buffer.alloc(32, byte), expiresAt: now + hour, now });
    await use(1, start);
    await use(2, start);
    const used = { code: "InvalidSignatureException", message: /^Signature already used: / };
    await assert.rejects(use(1, start + hour), used);
    await use(1, start + hour + 1);
    await assert.rejects(use(1, start + hour + 1), used);
    await use(2, start + hour + 1);
  });
}

function userStories(story: Story): void {
  story("a user's key says whose it is, and root's and users' keys are listed apart, oldest first", async (world) => {
    const { store } = world;
    await store.putRootKey({ ...keyOf("R", accountId), now: start });
    await userWithKey(store, "bob", "C");
    await userWithKey(store, "eve", "E");
    await store.addAccessKey({ key: keyOf("A", accountId), userName: "bob", now: start + 1 });
    const found = await store.findAccessKey("C");
    assert.deepEqual(found?.user, { id: "id-bob", userName: "bob" });
    const keys = (userId: string | null) =>
      everyPage((last: StoredAccessKey | null) => {
        const after = last && { createdAt: last.createdAt, id: last.accessKeyId };
        return store.listAccessKeys({ accountId, userId, after, limit: 1 });
      });
    assert.deepEqual(idsOf(await keys("id-bob")), ["C", "A"]);
    assert.deepEqual(idsOf(await keys("id-eve")), ["E"]);
    assert.deepEqual(idsOf(await keys(null)), ["R"]);
    assert.deepEqual(
      await store.listAccessKeys({ accountId: otherAccountId, userId: "id-bob", after: null, limit: 9 }),
      [],
    );
  });

  story("a principal has two active keys at most, and may have others that are not", async ({ store }) => {
    await userWithKey(store, "bob", "A");
    const add = (id: string) => store.addAccessKey({ key: keyOf(id, accountId), userName: "bob", now: start });
    const tooMany = { code: "LimitExceededException" };
    await add("B");
    await assert.rejects(add("C"), tooMany);
    const bobs = { accountId, userName: "bob" };
    await store.setAccessKeyActive({ ...bobs, accessKeyId: "A", active: false });
    await add("C");
    await assert.rejects(store.setAccessKeyActive({ ...bobs, accessKeyId: "A", active: true }), tooMany);
    await store.setAccessKeyActive({ ...bobs, accessKeyId: "C", active: true });
    await store.removeAccessKey({ ...bobs, accessKeyId: "B" });
    await store.setAccessKeyActive({ ...bobs, accessKeyId: "A", active: true });
    assert.equal((await store.findAccessKey("A"))?.active, true);
    assert.equal(await store.findAccessKey("B"), null);
  });

  story("a key is changed only by the name of its own principal", async ({ store }) => {
    await store.putRootKey({ ...keyOf("R", accountId), now: start });
    await userWithKey(store, "bob", "A");
    await userWithKey(store, "eve", "E");
    const named = [
      { accountId, userName: "eve" },
      { accountId, userName: null },
      { accountId, userName: "nobody" },
      { accountId: otherAccountId, userName: null },
      { accountId: otherAccountId, userName: "bob" },
    ];
    for (const name of named) {
      const gone = { code: "ResourceNotFoundException" };
      await assert.rejects(store.setAccessKeyActive({ ...name, accessKeyId: "A", active: false }), gone);
      await assert.rejects(store.removeAccessKey({ ...name, accessKeyId: "A" }), gone);
    }
    await assert.rejects(store.addAccessKey({ key: keyOf("X", accountId), userName: "nobody", now: start }), {
      message: "The user was not found: nobody",
    });
    assert.equal((await store.findAccessKey("A"))?.active, true);
  });
}

function sessionStories(story: Story): void {
  const session = { tokenHash: Uint8Array.of(1, 2, 3), expiresAt: start + hour };
  const issue = (store: MetadataStore, id: string, now = start) =>
    store.addSession({
      key: keyOf(id, accountId),
      userName: "bob",
      session: { ...session, expiresAt: now + hour },
      issuedAt: now,
      forgetBefore: now - day,
    });

  story("a session is found with its token's hash, is no access key in lists, and can be ended", async ({ store }) => {
    await userWithKey(store, "bob", "A");
    await issue(store, "S");
    const found = await store.findAccessKey("S");
    assert.deepEqual([found?.session, found?.user?.userName, found?.createdAt], [session, "bob", start]);
    assert.deepEqual(idsOf(await store.listAccessKeys({ accountId, userId: "id-bob", after: null, limit: 9 })), ["A"]);
    const at = { accountId, userName: "bob", accessKeyId: "S" };
    await assert.rejects(store.setAccessKeyActive({ ...at, active: true }), { code: "ResourceNotFoundException" });
    await store.removeAccessKey(at);
    assert.equal(await store.findAccessKey("S"), null);
  });

  story("sessions are no active keys, and those that expired long ago go when another begins", async ({ store }) => {
    await userWithKey(store, "bob", "A");
    await store.addAccessKey({ key: keyOf("B", accountId), userName: "bob", now: start });
    await issue(store, "S");
    await issue(store, "T", start + day);
    assert.notEqual(await store.findAccessKey("S"), null);
    await issue(store, "U", start + day + hour + 1);
    assert.equal(await store.findAccessKey("S"), null);
    assert.notEqual(await store.findAccessKey("T"), null);
  });

  story("a user has a thousand sessions at most", async ({ store }) => {
    await userWithKey(store, "bob", "A");
    await Promise.all(Array.from({ length: 1000 }, (_, index) => issue(store, `S${index}`)));
    await assert.rejects(issue(store, "S"), { code: "LimitExceededException" });
  });
}

function sealingStories(story: Story): void {
  story("data keys are kept newest first, and are wrapped again under their ids", async ({ store }) => {
    await store.putDataKeys({ keys: [{ id: "a", wrapped: Uint8Array.of(1) }], now: start });
    await store.putDataKeys({ keys: [{ id: "b", wrapped: Uint8Array.of(2) }], now: start + 1 });
    const again = [
      { id: "a", wrapped: Uint8Array.of(3) },
      { id: "b", wrapped: Uint8Array.of(4) },
    ];
    await store.putDataKeys({ keys: again, now: start + 2 });
    assert.deepEqual(await store.dataKeys(), again.toReversed());
  });

  story("secrets of the first form are found until they are sealed in another", async ({ store }) => {
    await store.putRootKey({ ...keyOf("OLD", accountId, 1, 9), now: start });
    await store.putRootKey({ ...keyOf("NEW", accountId, 2, 1), now: start });
    assert.deepEqual(await store.listUnwrappedSecrets({ limit: 10 }), [keyOf("OLD", accountId, 1, 9)]);
    await store.resealSecrets([keyOf("OLD", accountId, 2, 2), keyOf("GONE", accountId, 2)]);
    assert.deepEqual(await store.listUnwrappedSecrets({ limit: 10 }), []);
    assert.deepEqual((await store.findAccessKey("OLD"))?.sealedSecret, Uint8Array.of(2, 2));
    assert.equal(await store.findAccessKey("GONE"), null);
  });
}

async function userWithKey(store: MetadataStore, userName: string, accessKeyId: string): Promise<void> {
  if ((await store.findAccount(accountId)) === null) {
    await store.createAccount({ account: { id: accountId, createdAt: start }, key: keyOf("FIRST", accountId) });
    await store.addAccessKey({ key: keyOf("SECOND", accountId), userName: null, now: start });
    await store.removeAccessKey({ accountId, userName: null, accessKeyId: "FIRST" });
  }
  await store.createUser({ id: `id-${userName}`, accountId, userName, createdAt: start });
  await store.addAccessKey({ key: keyOf(accessKeyId, accountId), userName, now: start });
}

const idsOf = (keys: readonly StoredAccessKey[]): string[] => keys.map(({ accessKeyId }) => accessKeyId);

function keyOf(accessKeyId: string, account: AccountId, ...secret: number[]) {
  return { accessKeyId, accountId: account, sealedSecret: Uint8Array.from(secret) };
}
