import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Notification } from "../../src/domain/notifications/notification.ts";
import { permittedBy } from "../../src/domain/vaults/permission.ts";
import { routedNotifier } from "../../src/notify/topic-router.ts";
import { allow, makeAccount, otherAccountId, policy, rootArn } from "../support/admin.ts";
import { arn, assertError, eventually, invalid, vaultPath } from "../support/glacier.ts";
import { accountId, startTestServer, type TestServer } from "../support/server.ts";
import type { Credentials } from "../support/signed-request.ts";

// The operator has a webhook for a topic of its own account. Tenants of another account would like to have it called.

const topicOf = (account: string): string => `arn:aws:sns:us-east-1:${account}:restores`;
const inventory = { Type: "inventory-retrieval" };
const events = ["InventoryRetrievalCompleted"];
const refused = (topic: string, owner: string) =>
  invalid(`Invalid SNS topic ARN: ${topic}. The topic must belong to the account of the vault, ${owner}`);

let called: Notification[];
let server: TestServer;
let eve: Credentials;
const hook = { notify: async (notification: Notification) => void called.push(notification) };
async function start(sharedTopicAccounts: ReadonlySet<string>): Promise<void> {
  const webhooks = { topics: new Set([topicOf(accountId)]), notifier: hook };
  const notifier = routedNotifier({ webhooks, sns: hook, sharedTopicAccounts });
  server = await startTestServer({ notifier, sharedTopicAccounts });
  eve = await makeAccount(server);
  assert.equal((await send("PUT", "/-/vaults/hers")).status, 201);
  assert.equal((await send("PUT", "/-/vaults/open", undefined, server.key)).status, 201);
}

before(() => start(new Set()));
beforeEach(() => {
  called = [];
});
after(() => server.stop());

const send = (method: string, path: string, body?: unknown, key = eve) =>
  server.client.send({ method, path, key, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const setTopic = (SNSTopic: string) =>
  send("PUT", "/-/vaults/hers/notification-configuration", { SNSTopic, Events: events });
const initiate = (SNSTopic?: string) => send("POST", "/-/vaults/hers/jobs", { ...inventory, SNSTopic });

test("a vault cannot name a topic of another account, and neither can a job", async () => {
  const theirs = topicOf(accountId);
  assertError(await setTopic(theirs), refused(theirs, otherAccountId));
  assertError(await initiate(theirs), refused(theirs, otherAccountId));
  assert.equal((await send("GET", "/-/vaults/hers/notification-configuration")).status, 404);
  assert.deepEqual(called, []);
});

test("the account that counts is the vault owner's, not the caller's", async () => {
  const Policy = policy(allow("glacier:*", arn("open"), { Principal: { AWS: rootArn(otherAccountId) } }));
  const owner = server.key;
  assert.equal((await send("PUT", `${vaultPath("open")}/access-policy`, { Policy }, owner)).status, 204);
  const path = `/${accountId}/vaults/open`;
  const hers = topicOf(otherAccountId);
  assertError(await send("POST", `${path}/jobs`, { ...inventory, SNSTopic: hers }), refused(hers, accountId));
  const config = { SNSTopic: hers, Events: events };
  assertError(await send("PUT", `${path}/notification-configuration`, config), refused(hers, accountId));
  assert.equal((await send("POST", `${path}/jobs`, { ...inventory, SNSTopic: topicOf(accountId) })).status, 202);
  await eventually("the owner's topic is notified", async () => called.length === 1);
});

test("a topic of another account that was stored earlier gets no message", async () => {
  const { metadata } = server.parts;
  const vault = { accountId: otherAccountId, region: "us-east-1", vaultName: "hers" } as never;
  const row = await metadata.findVault(vault);
  assert.ok(row);
  const notifications = { topic: topicOf(accountId), events } as never;
  await metadata.setNotifications({ ...permittedBy(row), notifications });
  assert.equal((await initiate(topicOf(otherAccountId))).status, 202);
  await eventually("both attempts have ended", async () => server.deliveries.length >= 2);
  assert.deepEqual(
    called.map(({ topic }) => topic),
    [topicOf(otherAccountId)],
  );
  assert.ok(server.deliveries.includes("failed: the topic belongs to another account"));
});

test("the operator may share the topics of an account with all", async () => {
  await server.stop();
  await start(new Set([accountId]));
  assert.equal((await setTopic(topicOf(accountId))).status, 204);
  assert.equal((await initiate()).status, 202);
  await eventually("the shared topic is notified", async () => called.length === 1);
  const [notification] = called;
  assert.deepEqual([notification?.topic, notification?.accountId], [topicOf(accountId), otherAccountId]);
});
