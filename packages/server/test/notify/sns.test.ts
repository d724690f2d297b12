import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { AccountId, JobId } from "@moraine/protocol";
import type { Notification } from "../../src/domain/notifications/notification.ts";
import { snsNotifier } from "../../src/notify/sns.ts";
import { holdBack, type Receiver, snsAccepts, snsRefuses, startReceiver } from "../support/receiver.ts";

const credentials = { AWS_ACCESS_KEY_ID: "AKIASNS0000000000001", AWS_SECRET_ACCESS_KEY: "a secret for SNS alone" };
const noOthers = {
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
};
const message = '{"Action":"InventoryRetrieval","JobDescription":"naïve & “quotes” + more"}';

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver({ answer: snsAccepts });
  Object.assign(process.env, credentials, noOthers);
});
afterEach(async () => {
  await receiver.stop();
  for (const name of Object.keys({ ...credentials, ...noOthers })) {
    delete process.env[name];
  }
});

const notificationFor = (region: string): Notification => ({
  id: "11111111-2222-4333-8444-555555555555",
  accountId: "123456789012" as AccountId,
  vaultArn: "arn:aws:glacier:us-east-1:123456789012:vaults/photos",
  jobId: "job" as JobId,
  topic: `arn:aws:sns:${region}:123456789012:done`,
  message,
  createdAt: 0,
});

function send(notifier = snsNotifier(receiver.url), signal = new AbortController().signal): Promise<void> {
  return notifier.notify(notificationFor("eu-west-1"), signal);
}

test("a message is published to its topic, in its topic's region, signed, and without a subject", async () => {
  const notifier = snsNotifier(receiver.url);
  for (const region of ["us-east-1", "eu-west-1", "us-east-1"]) {
    const notification = notificationFor(region);
    await notifier.notify(notification, new AbortController().signal);
    const request = receiver.requests.at(-1);
    assert.equal(request?.method, "POST");
    const form = Object.fromEntries(new URLSearchParams(request.body));
    const { topic: TopicArn } = notification;
    const attributes = {
      "MessageAttributes.entry.1.Name": "SourceAccount",
      "MessageAttributes.entry.1.Value.DataType": "String",
      "MessageAttributes.entry.1.Value.StringValue": "123456789012",
      "MessageAttributes.entry.2.Name": "SourceArn",
      "MessageAttributes.entry.2.Value.DataType": "String",
      "MessageAttributes.entry.2.Value.StringValue": "arn:aws:glacier:us-east-1:123456789012:vaults/photos",
    };
    assert.deepEqual(form, { Action: "Publish", Version: "2010-03-31", TopicArn, Message: message, ...attributes });
    const scope = new RegExp(`Credential=AKIASNS0000000000001/[0-9]{8}/${region}/sns/aws4_request`);
    assert.match(String(request.headers.authorization), scope);
  }
});

test("topics of many regions share one connection", async () => {
  const notifier = snsNotifier(receiver.url);
  for (let region = 0; region < 20; region += 1) {
    await notifier.notify(notificationFor(`region-${region}`), new AbortController().signal);
  }
  assert.equal(receiver.requests.length, 20);
  assert.equal(receiver.connections, 1);
});

test("a refusal is reported by its code, and nothing else of it is quoted; the SDK does not try again", async () => {
  for (const [status, code] of [
    [404, "NotFoundException"],
    [403, "AuthorizationErrorException"],
    [400, "InvalidParameterException"],
    [500, "InternalErrorException"],
    [503, "ThrottledException"],
  ] as const) {
    receiver.answer = snsRefuses(status, code);
    const before = receiver.requests.length;
    await assert.rejects(send(), ({ name, message: reason }: Error) => {
      assert.equal(name, "DeliveryError");
      assert.match(reason, new RegExp(`^the SNS endpoint answered ${status} [A-Za-z]+$`));
      return true;
    });
    assert.equal(receiver.requests.length, before + 1, code);
  }
});

test("a response that is none of SNS's is reported by its status", async () => {
  receiver.answer = (response) => response.writeHead(502).end("<html>hunter2</html>");
  await assert.rejects(send(), ({ message: reason }: Error) => {
    assert.match(reason, /^the (SNS endpoint answered 502 [A-Za-z]+|endpoint could not be reached \(.*\))$/);
    assert.doesNotMatch(reason, /hunter2/);
    return true;
  });
});

test("an endpoint that does not exist is reported as such", async () => {
  const { url, port } = receiver;
  await receiver.stop();
  await assert.rejects(send(snsNotifier(url)), { message: "the endpoint could not be reached (ECONNREFUSED)" });
  receiver = await startReceiver({ answer: snsAccepts, port });
});

test("without credentials nothing is sent, and the reason says so", async () => {
  delete process.env["AWS_ACCESS_KEY_ID"];
  await assert.rejects(send(), { message: "there are no credentials for the SNS endpoint" });
  assert.equal(receiver.connections, 0);
});

test("an aborted delivery ends at once", async () => {
  const stopping = new AbortController();
  receiver.answer = (...given) => {
    holdBack(...given);
    stopping.abort();
  };
  await assert.rejects(send(snsNotifier(receiver.url), stopping.signal), { name: "DeliveryError" });
});
