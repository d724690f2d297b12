import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { AccountId, JobId } from "@moraine/protocol";
import type { Notification } from "../../src/domain/notifications/notification.ts";
import { type Webhook, type WebhookOptions, WebhookSecret, webhookNotifier } from "../../src/notify/webhook.ts";
import { type Certificate, selfSigned } from "../support/certificate.ts";
import { answerWith, holdBack, type Receiver, readEnvelope, startReceiver } from "../support/receiver.ts";

const secret = "a secret of this test";
const notification: Notification = {
  id: "11111111-2222-4333-8444-555555555555",
  accountId: "123456789012" as AccountId,
  vaultArn: "arn:aws:glacier:us-east-1:123456789012:vaults/photos",
  jobId: "job" as JobId,
  topic: "arn:aws:sns:us-east-1:123456789012:done",
  message: '{"Action":"InventoryRetrieval","JobDescription":"naïve “quotes”"}',
  createdAt: Date.UTC(2026, 2, 4, 5, 6, 7, 89),
};

let folder: string;
let certificate: Certificate;
let receiver: Receiver;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-webhook-"));
  certificate = await selfSigned(folder, "IP:127.0.0.1,DNS:hooks.example");
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  receiver = await startReceiver({ answer: answerWith(200), tls: certificate });
});
afterEach(() => receiver.stop());

function send(
  hook: Partial<Webhook> = {},
  options: Partial<WebhookOptions> = {},
  signal = new AbortController().signal,
) {
  const webhook: Webhook = {
    url: new URL(`${receiver.url}/hooks/glacier?from=here`),
    secret: new WebhookSecret(secret),
    allowPrivateAddresses: true,
    ca: certificate.cert,
    ...hook,
  };
  const webhooks = new Map([[notification.topic, webhook]]);
  const notifier = webhookNotifier({ webhooks, systemNow: () => new Date(1_800_000_000_999), ...options });
  return notifier.notify(notification, signal);
}

const fails = (message: string | RegExp) => ({ name: "DeliveryError", message });

test("a webhook gets what an HTTP subscriber of SNS gets, signed with its secret", async () => {
  await send();
  const [request] = receiver.requests;
  assert(request !== undefined);
  assert.equal(request.path, "/hooks/glacier?from=here");
  assert.deepEqual(readEnvelope(request, secret), {
    Type: "Notification",
    MessageId: notification.id,
    TopicArn: notification.topic,
    Message: notification.message,
    Timestamp: "2026-03-04T05:06:07.089Z",
    UnsubscribeURL: "",
    MessageAttributes: {
      SourceAccount: { Type: "String", Value: "123456789012" },
      SourceArn: { Type: "String", Value: "arn:aws:glacier:us-east-1:123456789012:vaults/photos" },
    },
  });
  assert.match(String(request.headers["x-moraine-signature"]), /^t=1800000000,/);
  assert.throws(() => readEnvelope(request, `${secret}.`));
});

for (const status of [200, 201, 204, 299]) {
  test(`${status} says that the message has arrived`, async () => {
    receiver.answer = answerWith(status);
    await send();
  });
}

for (const status of [300, 304, 400, 401, 404, 410, 429, 500, 503]) {
  test(`${status} says that it has not`, async () => {
    receiver.answer = answerWith(status);
    await assert.rejects(send(), fails(`the endpoint answered ${status}`));
    assert.equal(receiver.requests.length, 1);
  });
}

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect (${status}) is not followed`, async () => {
    await using other = await startReceiver({ answer: answerWith(200), tls: certificate });
    receiver.answer = answerWith(status, { location: `${other.url}/` });
    await assert.rejects(send(), fails(`the endpoint answered ${status}`));
    assert.equal(receiver.connections, 1);
    assert.equal(other.connections, 0);
  });
}

describe("an endpoint that misbehaves", () => {
  test("and says nothing costs no more than its time", async () => {
    receiver.answer = holdBack;
    await assert.rejects(send({}, { timeoutMilliseconds: 200 }), fails("the endpoint did not answer within 0.2 s"));
  });

  test("and never ends its response has the message all the same, if the response says so", async () => {
    receiver.answer = (response) => response.writeHead(200).write("and");
    await send();
    receiver.answer = (response) => response.writeHead(500).write("and");
    await assert.rejects(send(), fails("the endpoint answered 500"));
  });

  test("and answers without end is heard no longer than 64 KiB", { timeout: 10_000 }, async () => {
    let sentBytes = 0;
    receiver.answer = (response) => {
      const piece = Buffer.alloc(16 * 1024);
      const pour = () => {
        while (!response.destroyed && sentBytes < 2 ** 30) {
          sentBytes += piece.length;
          if (!response.write(piece)) {
            response.once("drain", pour);
            return;
          }
        }
      };
      pour();
    };
    await send();
    assert.ok(sentBytes < 32 * 1024 ** 2, `it sent ${sentBytes} bytes`);
  });

  test("and breaks the connection is reported as such, and no body of it is quoted", async () => {
    receiver.answer = (response) => response.socket?.destroy();
    await assert.rejects(send(), fails(/^the endpoint could not be reached \([A-Z_]+\)$/));
    receiver.answer = (response) => response.writeHead(500).end("hunter2");
    await assert.rejects(send(), fails("the endpoint answered 500"));
  });

  test("and does not exist is reported as such, without its address", async () => {
    const url = new URL(receiver.url);
    await receiver.stop();
    await assert.rejects(send({ url }), fails("the endpoint could not be reached (ECONNREFUSED)"));
    receiver = await startReceiver({ answer: answerWith(200), tls: certificate });
  });

  test("and has a certificate that nobody vouches for gets nothing", async () => {
    await assert.rejects(
      send({ ca: null }),
      fails(/^the endpoint could not be reached \([A-Z_]*SELF_SIGNED[A-Z_]*\)$/),
    );
    assert.deepEqual(receiver.requests, []);
  });

  test("and has a certificate of another name gets nothing", async () => {
    const url = new URL(`https://other.example:${receiver.port}/`);
    const resolve = async () => ["127.0.0.1"];
    await assert.rejects(send({ url }, { resolve }), fails(/\(ERR_TLS_CERT_ALTNAME_INVALID\)$/));
    assert.deepEqual(receiver.requests, []);
  });

  test("and speaks plain HTTP gets nothing", async () => {
    await using plain = await startReceiver({ answer: answerWith(200) });
    await assert.rejects(send({ url: new URL(`https://127.0.0.1:${plain.port}/`) }), { name: "DeliveryError" });
    await assert.rejects(send({ url: new URL(plain.url) }), fails("the endpoint is not https"));
    assert.deepEqual(plain.requests, []);
  });
});

test("a name that cannot be resolved, or takes too long, is reported as such", async () => {
  const url = new URL("https://hooks.example/");
  const unknown = async () => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND hooks.example"), { code: "ENOTFOUND" });
  };
  await assert.rejects(send({ url }, { resolve: unknown }), fails("the endpoint could not be reached (ENOTFOUND)"));
  await assert.rejects(send({ url }, { resolve: async () => [] }), fails("the endpoint's name has no address"));
  const never = () => new Promise<never>(() => undefined);
  const options = { resolve: never, timeoutMilliseconds: 50 };
  await assert.rejects(send({ url }, options), fails("the endpoint did not answer within 0.05 s"));
});

test("an aborted delivery ends at once", async () => {
  const stopping = new AbortController();
  receiver.answer = () => stopping.abort();
  await assert.rejects(send({}, {}, stopping.signal), { name: "DeliveryError" });
  await assert.rejects(send({}, {}, stopping.signal), { name: "DeliveryError" });
  assert.equal(receiver.requests.length, 1);
});

test("proxies that the environment names are not used", async () => {
  await using proxy = await startReceiver({ answer: answerWith(200) });
  const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
  for (const name of names) {
    process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : proxy.url;
  }
  try {
    await send();
  } finally {
    for (const name of names) {
      delete process.env[name];
    }
  }
  assert.equal(proxy.connections, 0);
  assert.equal(receiver.requests.length, 1);
});

test("a secret shows itself in no form", async () => {
  const { inspect } = await import("node:util");
  const hidden = new WebhookSecret(secret);
  for (const text of [
    JSON.stringify({ hidden }),
    inspect({ hidden }, { depth: 9, showHidden: true }),
    String(hidden),
  ]) {
    assert.ok(!text.includes(secret), text);
  }
});
