import assert from "node:assert/strict";
import type { AccountId } from "@moraine/protocol";
import type { Account, User } from "../../../src/domain/stores/identity-store.ts";
import type { MetadataStore } from "../../../src/domain/stores/metadata-store.ts";
import { accountId, day, everyPage, hour, keyOf, otherAccountId, type Story, start } from "./world.ts";

const gone = (message: string) => ({ name: "GlacierError", code: "ResourceNotFoundException", message });
const refused = (message: string) => ({ name: "GlacierError", code: "InvalidParameterValueException", message });

export function identityStories(story: Story): void {
  accountStories(story);
  userStories(story);
  policyStories(story);
}

function accountStories(story: Story): void {
  story("a new account has its root's key, and is made once", async ({ store }) => {
    await makeAccount(store, accountId);
    assert.deepEqual(await store.findAccount(accountId), { id: accountId, createdAt: start });
    assert.equal((await store.findAccessKey(`ROOT${accountId}`))?.user, null);
    await assert.rejects(makeAccount(store, accountId), refused(`The account exists already: ${accountId}`));
  });

  story("accounts are listed by id, page after page, and counted", async ({ store }) => {
    const ids = ["000000000001", "123456789012", "999999999999"] as AccountId[];
    for (const id of ids.toReversed()) {
      await makeAccount(store, id);
    }
    const listed = await everyPage((last: Account | null) =>
      store.listAccounts({ afterId: last?.id ?? null, limit: 1 }),
    );
    assert.deepEqual(
      listed.map(({ id }) => id),
      ids,
    );
    await store.createUser(userOf("bob"));
    await store.createVault({ id: "v", key: keyOf("photos"), now: start });
    assert.deepEqual(await store.countIdentities(), { accounts: 3, users: 1, vaults: 1 });
  });

  story("an account stays while it has a vault in any region, and goes with all that is in it", async ({ store }) => {
    await makeAccount(store, accountId);
    await makeAccount(store, otherAccountId);
    await fullUser(store, "bob");
    const key = keyOf("photos", "eu-west-1");
    await store.setRetrievalPolicy({ account: key, policy: { strategy: "FreeTier" } });
    await store.addCapacityUnit({ account: key, id: "unit", now: start });
    await store.createVault({ id: "v", key, now: start });
    const hasVaults = refused(`The account has vaults, and stays while it has: ${accountId}`);
    await assert.rejects(store.removeAccount(accountId), hasVaults);
    assert.notEqual(await store.findAccessKey("Kbob"), null);
    await store.removeVault({ key, profile: "practical", expectedVersion: 0, now: start });
    await store.removeAccount(accountId);
    assert.equal(await store.findAccount(accountId), null);
    for (const id of [`ROOT${accountId}`, "Kbob", "Sbob"]) {
      assert.equal(await store.findAccessKey(id), null, id);
    }
    assert.equal(await store.findUser({ accountId, userName: "bob" }), null);
    assert.deepEqual(await store.userPolicies("id-bob"), []);
    assert.deepEqual(await store.findRetrievalPolicy(key), { strategy: "None" });
    assert.deepEqual(await store.listCapacityUnits({ account: key, now: start }), []);
    await assert.rejects(store.removeAccount(accountId), gone(`The account was not found: ${accountId}`));
    assert.notEqual(await store.findAccessKey(`ROOT${otherAccountId}`), null);
  });
}

function userStories(story: Story): void {
  story("a user is found by its name in its account, and its name is taken there only", async ({ store }) => {
    await makeAccount(store, accountId);
    await makeAccount(store, otherAccountId);
    const bob = userOf("bob");
    await store.createUser(bob);
    await assert.rejects(store.createUser({ ...bob, id: "another" }), refused("The user exists already: bob"));
    await store.createUser({ ...bob, id: "theirs", accountId: otherAccountId });
    await store.createUser({ ...bob, id: "capital", userName: "Bob" });
    assert.deepEqual(await store.findUser({ accountId, userName: "bob" }), bob);
    assert.equal((await store.findUser({ accountId: otherAccountId, userName: "bob" }))?.id, "theirs");
    assert.equal(await store.findUser({ accountId, userName: "bo" }), null);
  });

  story("users are listed in bytewise order, page after page", async ({ store }) => {
    await makeAccount(store, accountId);
    const sorted = ["+a", "=", "A", "Z", "_", "a", "a@b", "b"];
    for (const name of sorted.toReversed()) {
      await store.createUser(userOf(name));
    }
    const listed = await everyPage((last: User | null) =>
      store.listUsers({ accountId, afterName: last?.userName ?? null, limit: 3 }),
    );
    assert.deepEqual(
      listed.map(({ userName }) => userName),
      sorted,
    );
    assert.deepEqual(await store.listUsers({ accountId: otherAccountId, afterName: null, limit: 3 }), []);
  });

  story("a user goes with its keys, sessions and policies, and one of the same name starts afresh", async (world) => {
    const { store } = world;
    await makeAccount(store, accountId);
    await fullUser(store, "bob");
    await fullUser(store, "eve");
    await store.removeUser({ accountId, userName: "bob" });
    assert.equal(await store.findAccessKey("Kbob"), null);
    assert.equal(await store.findAccessKey("Sbob"), null);
    assert.deepEqual(await store.userPolicies("id-bob"), []);
    await assert.rejects(store.removeUser({ accountId, userName: "bob" }), gone("The user was not found: bob"));
    await store.createUser({ ...userOf("bob"), id: "id-bob" });
    assert.deepEqual(await store.userPolicies("id-bob"), []);
    assert.equal((await store.userPolicies("id-eve")).length, 1);
    assert.notEqual(await store.findAccessKey("Keve"), null);
  });
}

function policyStories(story: Story): void {
  const put = (store: MetadataStore, policyName: string, document: string, userName = "bob") =>
    store.putUserPolicy({ user: { accountId, userName }, policy: { policyName, document } });

  story("policies are kept as they were put, by name; putting one again replaces it", async ({ store }) => {
    await makeAccount(store, accountId);
    await store.createUser(userOf("bob"));
    await put(store, "read", "{ }");
    await put(store, "admin", '{"é":1}');
    await put(store, "read", "{}");
    assert.deepEqual(await store.userPolicies("id-bob"), [
      { policyName: "admin", document: '{"é":1}' },
      { policyName: "read", document: "{}" },
    ]);
    await store.removeUserPolicy({ user: { accountId, userName: "bob" }, policyName: "read" });
    assert.equal((await store.userPolicies("id-bob")).length, 1);
    await assert.rejects(
      store.removeUserPolicy({ user: { accountId, userName: "bob" }, policyName: "read" }),
      gone("The policy was not found: read"),
    );
    await assert.rejects(put(store, "read", "{}", "nobody"), gone("The user was not found: nobody"));
    const theirs = { user: { accountId: otherAccountId, userName: "bob" }, policyName: "admin" };
    await assert.rejects(store.removeUserPolicy(theirs), gone("The user was not found: bob"));
  });

  story("a user has twenty policies at most, and each of them can still be replaced", async ({ store }) => {
    await makeAccount(store, accountId);
    await store.createUser(userOf("bob"));
    for (let index = 0; index < 20; index += 1) {
      await put(store, `p${index}`, "{}");
    }
    await assert.rejects(put(store, "one-more", "{}"), { code: "LimitExceededException" });
    await put(store, "p7", "{ }");
    assert.equal((await store.userPolicies("id-bob")).length, 20);
  });
}

const userOf = (userName: string): User => ({ id: `id-${userName}`, accountId, userName, createdAt: start });

function sealed(accessKeyId: string, account = accountId) {
  return { accessKeyId, accountId: account, sealedSecret: Uint8Array.of(2) };
}

async function makeAccount(store: MetadataStore, id: AccountId): Promise<void> {
  await store.createAccount({ account: { id, createdAt: start }, key: sealed(`ROOT${id}`, id) });
}

/** Creates a user with a key, a session and a policy. */
async function fullUser(store: MetadataStore, userName: string): Promise<void> {
  await store.createUser(userOf(userName));
  await store.addAccessKey({ key: sealed(`K${userName}`), userName, now: start });
  const session = { tokenHash: Uint8Array.of(1), expiresAt: start + hour };
  await store.addSession({
    key: sealed(`S${userName}`),
    userName,
    session,
    issuedAt: start,
    forgetBefore: start - day,
  });
  const policy = { policyName: "p", document: "{}" };
  await store.putUserPolicy({ user: { accountId, userName }, policy });
}
