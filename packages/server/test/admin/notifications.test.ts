import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ListNotificationsOutput, NotificationDescription } from "@moraine/protocol";
import { DeliveryError, NoEndpointError, type Notifier } from "../../src/domain/notifications/notifier.ts";
import { allow, callAdmin, demand, deniedAdmin, makeAccount, makeUser, userArn } from "../support/admin.ts";
import { arn, assertError, createVault, eventually, finishedJob, invalid, notFound } from "../support/glacier.ts";
import { accountId, startTestServer, startTime, type TestServer } from "../support/server.ts";

const topicOf = (name: string): string => `arn:aws:sns:us-east-1:${accountId}:${name}`;
const arrived: string[] = [];
let isDown = true;
const notifier: Notifier = {
  async notify({ id, topic }) {
    if (topic === topicOf("nowhere")) {
      throw new NoEndpointError();
    }
    if (isDown) {
      throw new DeliveryError("the endpoint answered 503");
    }
    arrived.push(id);
  },
};

let server: TestServer;
before(async () => {
  server = await startTestServer({ notifier });
  await createVault(server, "vault");
});
after(() => server.stop());

const list = (members: Readonly<Record<string, string>> = {}) =>
  demand<ListNotificationsOutput>(server, "ListNotifications", { members });

async function told(name: string): Promise<{ jobId: string; message: NotificationDescription }> {
  const jobId = await finishedJob(server, "vault", { Type: "inventory-retrieval", SNSTopic: topicOf(name) });
  const find = async () => (await list()).Notifications.find(({ JobId }) => JobId === jobId);
  await eventually("it has been tried", async () => (await find())?.Reason != null);
  const message = await find();
  assert(message !== undefined);
  return { jobId, message };
}

test("pending and failed messages are listed with the reason, and can be filtered by state", async () => {
  const date = new Date(startTime).toISOString();
  const { jobId, message: failed } = await told("nowhere");
  assert.deepEqual(failed, {
    Attempts: 1,
    CreationDate: date,
    FailureDate: date,
    JobId: jobId,
    MessageId: failed.MessageId,
    NextAttemptDate: null,
    Reason: "no endpoint is configured for this topic",
    State: "Failed",
    TopicArn: topicOf("nowhere"),
    VaultARN: arn("vault"),
  });
  const { message: pending } = await told("down");
  assert.equal(pending.State, "Pending");
  assert.equal(pending.Reason, "the endpoint answered 503");
  assert.equal(pending.FailureDate, null);
  const wait = Date.parse(pending.NextAttemptDate ?? "") - startTime;
  assert.ok(wait >= 1000 && wait <= 2000);
  assert.deepEqual((await list({ state: "Failed" })).Notifications, [failed]);
  assert.deepEqual((await list({ state: "Pending" })).Notifications, [pending]);
  assertError(
    await callAdmin(server, "ListNotifications", { members: { state: "failed" } }),
    invalid("Invalid state: failed. It must be Pending or Failed"),
  );
});

test("messages are listed page after page, and a marker that is none is refused", async () => {
  for (let count = 0; count < 3; count += 1) {
    await told("nowhere");
  }
  const all = (await list()).Notifications;
  const seen: NotificationDescription[] = [];
  let marker: string | null = "";
  while (marker !== null) {
    const page: ListNotificationsOutput = await list({ limit: "2", marker });
    seen.push(...page.Notifications);
    marker = page.Marker;
  }
  assert.deepEqual(seen, all);
  for (const wrong of ["x", Buffer.from("1 2").toString("base64url"), Buffer.from("x y").toString("base64url")]) {
    assert.equal((await callAdmin(server, "ListNotifications", { members: { marker: wrong } })).status, 400, wrong);
  }
});

test("a message that is asked for is sent at once", async () => {
  const { message } = await told("down");
  isDown = false;
  await demand(server, "RetryNotification", { members: { messageId: message.MessageId } });
  await eventually("it has arrived", async () => arrived.includes(message.MessageId));
  await eventually("it is no longer listed", async () =>
    (await list()).Notifications.every(({ MessageId }) => MessageId !== message.MessageId),
  );
  assertError(
    await callAdmin(server, "RetryNotification", { members: { messageId: message.MessageId } }),
    notFound(`The message was not found: ${message.MessageId}`),
  );
  isDown = true;
});

test("another account sees none of them and moves none, and a user needs the permission", async () => {
  const { message } = await told("nowhere");
  const messageId = message.MessageId;
  const other = await makeAccount(server);
  const foreign = await demand<ListNotificationsOutput>(server, "ListNotifications", { key: other });
  assert.deepEqual(foreign, { Marker: null, Notifications: [] });
  const moved = await callAdmin(server, "RetryNotification", { members: { messageId }, key: other });
  assertError(moved, notFound(`The message was not found: ${messageId}`));

  const bob = await makeUser(server, "bob", [allow("moraine:ListNotifications")]);
  assert.equal((await callAdmin(server, "ListNotifications", { key: bob })).status, 200);
  assertError(
    await callAdmin(server, "RetryNotification", { members: { messageId }, key: bob }),
    deniedAdmin(userArn("bob"), "RetryNotification", "*"),
  );
});
