import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { Notifier } from "../../src/domain/notifications/notifier.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { NotificationStatus } from "../../src/domain/stores/notification-store.ts";
import { snsNotifier } from "../../src/notify/sns.ts";
import { routedNotifier } from "../../src/notify/topic-router.ts";
import { WebhookSecret, webhookNotifier } from "../../src/notify/webhook.ts";
import { type Certificate, selfSigned } from "../support/certificate.ts";
import {
  createVault,
  deleteArchive,
  eventually,
  finishedJob,
  initiateJob,
  uploadArchive,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { answerWith, holdBack, type Receiver, readEnvelope, snsAccepts, startReceiver } from "../support/receiver.ts";
import {
  accountId,
  dayMilliseconds,
  hourMilliseconds,
  region,
  startTestServer,
  startTime,
  type TestServer,
} from "../support/server.ts";

const secret = "a secret of this test";
const hookTopic = `arn:aws:sns:${region}:${accountId}:hook`;
const snsTopic = `arn:aws:sns:${region}:${accountId}:published`;
const lostTopic = `arn:aws:sns:${region}:${accountId}:nowhere`;
const inventory = { Type: "inventory-retrieval" };
const bothEvents = ["ArchiveRetrievalCompleted", "InventoryRetrievalCompleted"];

let folder: string;
let tls: Certificate;
let hook: Receiver;
let sns: Receiver;
let metadata: MetadataStore;
let clock: ManualClock;
let server: TestServer;
const start = () => startTestServer({ metadata, clock, notifier: notifier(), delays: { bulkSeconds: 3600 } });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-delivery-"));
  tls = await selfSigned(folder);
  process.env["AWS_ACCESS_KEY_ID"] = "AKIASNS0000000000001";
  process.env["AWS_SECRET_ACCESS_KEY"] = "a secret for SNS alone";
});
after(async () => {
  delete process.env["AWS_ACCESS_KEY_ID"];
  delete process.env["AWS_SECRET_ACCESS_KEY"];
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  hook = await startReceiver({ answer: answerWith(200), tls });
  sns = await startReceiver({ answer: snsAccepts });
  metadata = await openInlineStore(":memory:");
  clock = new ManualClock(startTime);
  server = await start();
  await createVault(server, "vault");
});
afterEach(async () => {
  await server.stop();
  await metadata.close();
  await hook.stop();
  await sns.stop();
});

function notifier(): Notifier {
  const url = new URL(hook.url);
  const webhook = { url, secret: new WebhookSecret(secret), allowPrivateAddresses: true, ca: tls.cert };
  const webhooks = new Map([[hookTopic, webhook]]);
  return routedNotifier({
    webhooks: {
      topics: new Set(webhooks.keys()),
      notifier: webhookNotifier({ webhooks, systemNow: () => new Date(), timeoutMilliseconds: 1000 }),
    },
    sns: snsNotifier(sns.url),
    sharedTopicAccounts: new Set(),
  });
}

const arrived = (receiver: Receiver, count: number) =>
  eventually(`${count} messages have arrived`, async () => receiver.requests.length >= count);
const hookMessages = () => hook.requests.map((request) => readEnvelope(request, secret));
const snsMessages = () => sns.requests.map(({ body }) => Object.fromEntries(new URLSearchParams(body)));

async function describeText(jobId: string): Promise<string> {
  return (await server.client.send({ method: "GET", path: `${vaultPath("vault")}/jobs/${jobId}` })).text;
}

async function notify(topic: string, events: readonly string[] = bothEvents): Promise<void> {
  const body = JSON.stringify({ SNSTopic: topic, Events: events });
  const path = `${vaultPath("vault")}/notification-configuration`;
  assert.equal((await server.client.send({ method: "PUT", path, body })).status, 204);
}

function waiting(): Promise<NotificationStatus[]> {
  return metadata.listNotifications({ accountId, state: null, after: null, limit: 100 });
}

const broken = async (_message: unknown, signal: AbortSignal): Promise<never> => {
  await once(signal, "abort");
  throw signal.reason;
};
const settled = () => eventually("nothing waits", async () => (await waiting()).length === 0);

describe("when a job has ended", () => {
  test("its vault's topic and its own get what DescribeJob says, byte for byte", async () => {
    await notify(hookTopic);
    const archiveId = await uploadArchive(server, "vault", Buffer.from("hello"), "plain");
    const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId, SNSTopic: snsTopic, Description: 'a "job"' };
    for (const parameters of [retrieval, { ...inventory, SNSTopic: snsTopic, Format: "CSV" }]) {
      const before = hook.requests.length;
      const jobId = await finishedJob(server, "vault", parameters);
      await arrived(hook, before + 1);
      await arrived(sns, before + 1);
      const described = await describeText(jobId);
      assert.equal(hookMessages().at(-1)?.["Message"], described);
      assert.equal(hookMessages().at(-1)?.["TopicArn"], hookTopic);
      assert.equal(snsMessages().at(-1)?.["Message"], described);
      assert.equal(snsMessages().at(-1)?.["TopicArn"], snsTopic);
      assert.match(described, /"Completed":true,.*"StatusCode":"Succeeded"/);
    }
    await settled();
    assert.equal(hook.requests.length + sns.requests.length, 4);
  });

  test("both are sent a message even when both are the same topic", async () => {
    await notify(hookTopic);
    await finishedJob(server, "vault", { ...inventory, SNSTopic: hookTopic });
    await settled();
    const [first, second, ...others] = hookMessages();
    assert.deepEqual(others, []);
    assert.equal(first?.["Message"], second?.["Message"]);
    assert.notEqual(first?.["MessageId"], second?.["MessageId"]);
  });

  test("and has failed, they are notified as well", async () => {
    await notify(snsTopic, ["ArchiveRetrievalCompleted"]);
    const archiveId = await uploadArchive(server, "vault", Buffer.from("hello"));
    const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Bulk", SNSTopic: hookTopic };
    const jobId = await initiateJob(server, "vault", retrieval);
    await deleteArchive(server, "vault", archiveId);
    clock.advance(hourMilliseconds);
    await waitForJob(server, "vault", jobId, "Failed");
    await settled();
    const described = await describeText(jobId);
    assert.match(described, /"StatusCode":"Failed"/);
    assert.deepEqual(
      [...hookMessages(), ...snsMessages()].map((message) => message["Message"]),
      [described, described],
    );
  });

  test("a topic that was not asked for gets no message", async () => {
    await notify(hookTopic, ["ArchiveRetrievalCompleted"]);
    await finishedJob(server, "vault", inventory);
    assert.deepEqual(await waiting(), []);
    assert.equal(hook.connections + sns.connections, 0);
  });
});

describe("a message that does not arrive", () => {
  const untilTried = async (times: number) => {
    await eventually(`it has been tried ${times} times`, async () => server.deliveries.length >= times);
  };

  test("is sent again later and later, and stays the same message", async () => {
    hook.answer = answerWith(500);
    const jobId = await finishedJob(server, "vault", { ...inventory, SNSTopic: hookTopic });
    await untilTried(1);
    // The first retry is due in 1 to 2 s, by the service's clock alone.
    clock.advance(999);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(hook.requests.length, 1);
    const [status] = await waiting();
    assert.equal(status?.attempts, 1);
    assert.equal(status?.lastError, "the endpoint answered 500");
    assert.ok(status.dueAt >= startTime + 1000 && status.dueAt <= startTime + 2000);
    clock.advance(1001);
    await untilTried(2);
    hook.answer = holdBack;
    clock.advance(4000);
    await untilTried(3);
    hook.answer = answerWith(302);
    clock.advance(8000);
    await untilTried(4);
    hook.answer = answerWith(204);
    clock.advance(16_000);
    await untilTried(5);
    assert.deepEqual(server.deliveries, [
      "pending: the endpoint answered 500",
      "pending: the endpoint answered 500",
      "pending: the endpoint did not answer within 1 s",
      "pending: the endpoint answered 302",
      "delivered",
    ]);
    const bodies = new Set(hook.requests.map(({ body }) => body));
    assert.equal(bodies.size, 1);
    assert.equal(hookMessages()[0]?.["Message"], await describeText(jobId));
    assert.deepEqual(await waiting(), []);
    assert.deepEqual(server.postponed, []);
  });

  test("counts as failed after three days, and is sent all the same when somebody asks for it", async () => {
    hook.answer = answerWith(503);
    await finishedJob(server, "vault", { ...inventory, SNSTopic: hookTopic });
    for (let hours = 0; hours < 80 && !server.deliveries.at(-1)?.startsWith("failed"); hours += 1) {
      const before = server.deliveries.length;
      await eventually("it has been tried", async () => server.deliveries.length > before || hours === 0);
      clock.advance(hourMilliseconds);
    }
    assert.equal(server.deliveries.at(-1), "failed: the endpoint answered 503");
    const [failed] = await waiting();
    assert.equal(failed?.state, "failed");
    assert.equal(failed?.lastError, "the endpoint answered 503");
    const triedFor = (failed?.failedAt ?? 0) - startTime;
    assert.ok(triedFor > 3 * dayMilliseconds - 2 * hourMilliseconds && triedFor <= 3 * dayMilliseconds, `${triedFor}`);
    hook.answer = answerWith(200);
    const before = hook.requests.length;
    clock.advance(dayMilliseconds);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(hook.requests.length, before);
    const asked = { accountId, id: failed?.id ?? "", now: clock.now() };
    assert.equal(await metadata.retryNotification(asked), true);
    clock.advance(30_000);
    await settled();
    assert.equal(hookMessages().at(-1)?.["MessageId"], failed?.id);
  });

  test("fails at once when its topic leads nowhere, and does not hold up others", async () => {
    await server.stop();
    server = await startTestServer({ metadata, clock });
    await finishedJob(server, "vault", { ...inventory, SNSTopic: lostTopic });
    await untilTried(1);
    const [failed] = await waiting();
    assert.equal(failed?.state, "failed");
    assert.equal(failed?.lastError, "no endpoint is configured for this topic");
    assert.equal(failed?.attempts, 1);
    clock.advance(29 * dayMilliseconds);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await waiting()).length, 1);
    clock.advance(2 * dayMilliseconds);
    await settled();
  });

  test("outlives its vault", async () => {
    sns.answer = answerWith(500);
    await finishedJob(server, "vault", { ...inventory, SNSTopic: snsTopic });
    await untilTried(1);
    assert.equal((await server.client.send({ method: "DELETE", path: vaultPath("vault") })).status, 204);
    sns.answer = snsAccepts;
    clock.advance(2000);
    await settled();
    assert.match(snsMessages().at(-1)?.["Message"] ?? "", /"VaultARN":"arn:aws:glacier:[^"]*:vaults\/vault"/);
  });
});

describe("a restart", () => {
  test("aborts deliveries under way, and sends them again", async () => {
    hook.answer = holdBack;
    await finishedJob(server, "vault", { ...inventory, SNSTopic: hookTopic });
    await arrived(hook, 1);
    const began = performance.now();
    await server.stop();
    assert.ok(performance.now() - began < 400, "it waits for no answer");
    assert.equal((await waiting())[0]?.lastError, null);
    hook.answer = answerWith(200);
    server = await start();
    await settled();
    const [first, second] = hookMessages();
    assert.deepEqual(second, first);
  });

  test("sends what a process died over, without waiting for its lease", async () => {
    await server.stop();
    const first = await startTestServer({ metadata, clock, notifier: { notify: broken } });
    server = first;
    const jobId = await finishedJob(server, "vault", { ...inventory, SNSTopic: snsTopic });
    await eventually("the message is claimed", async () => (await waiting())[0]?.attempts === 1);
    // The first server does not stop yet: its claims are no longer its own.
    server = await start();
    await arrived(sns, 1);
    await settled();
    await first.stop();
    assert.match(snsMessages()[0]?.["Message"] ?? "", new RegExp(`"JobId":"${jobId}"`));
  });
});

test("no more than eight are on their way at once, and all arrive", async () => {
  let now = 0;
  let most = 0;
  sns.answer = (response, request) => {
    now += 1;
    most = Math.max(most, now);
    setTimeout(() => {
      now -= 1;
      snsAccepts(response, request);
    }, 20);
  };
  await Promise.all(
    Array.from({ length: 20 }, () => initiateJob(server, "vault", { ...inventory, SNSTopic: snsTopic })),
  );
  await arrived(sns, 20);
  await settled();
  assert.equal(sns.requests.length, 20);
  assert.ok(most <= 8, `${most} at once`);
});
