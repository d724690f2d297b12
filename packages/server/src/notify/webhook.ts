import { createHmac } from "node:crypto";
import type { Client } from "undici";
import { invariant } from "../domain/invariant.ts";
import { messageAttributes, type Notification } from "../domain/notifications/notification.ts";
import { DeliveryError, type Notifier } from "../domain/notifications/notifier.ts";
import { bounded } from "./bounded.ts";
import { checkedAddresses, lookupOf, type Resolve, systemResolve } from "./checked-addresses.ts";
import { deliveryErrorOf } from "./failure-reason.ts";

export interface Webhook {
  readonly url: URL;
  readonly secret: WebhookSecret;
  /** Whether it may be anywhere; otherwise only at public addresses. */
  readonly allowPrivateAddresses: boolean;
  /** The authorities (PEM) that its certificate is checked against, in the place of the system's. */
  readonly ca: string | null;
}

/** Signs, and shows itself to nobody: neither to a log nor to JSON. */
export class WebhookSecret {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  sign(text: string): string {
    return createHmac("sha256", this.#secret).update(text).digest("hex");
  }
}

export interface WebhookOptions {
  /** By topic. */
  readonly webhooks: ReadonlyMap<string, Webhook>;
  /** The time that is signed: receivers compare it with a clock of their own. */
  readonly systemNow: () => Date;
  /** @default the system's resolver */
  readonly resolve?: Resolve;
  /** For the whole of an attempt. @default 15,000 */
  readonly timeoutMilliseconds?: number;
}

const connectMilliseconds = 5000;
const bodyMilliseconds = 1000;
const responseSizeBytesMax = 64 * 1024;

/** Posts messages to HTTPS endpoints as SNS does, with a signature of ours. Follows no redirect and knows no proxy. */
export function webhookNotifier(options: WebhookOptions): Notifier {
  const { webhooks, systemNow, resolve = systemResolve, timeoutMilliseconds = 15_000 } = options;
  return {
    async notify(notification, signal) {
      const webhook = webhooks.get(notification.topic);
      invariant(webhook !== undefined, "only topics with a webhook come here");
      if (webhook.url.protocol !== "https:") {
        throw new DeliveryError("the endpoint is not https");
      }
      // Loaded with the first message, and not at the cost of its time.
      const { default: undici } = await import("undici");
      const status = await bounded(timeoutMilliseconds, signal, async (bound) => {
        const addresses = await checkedAddresses(webhook.url, { ...webhook, resolve });
        bound.throwIfAborted();
        // A client for one request: the next one asks again where the host is.
        const client = new undici.Client(webhook.url.origin, { connect: connectOptions(webhook, addresses) });
        const message = messageOf(notification, webhook.secret, systemNow());
        return post(client, { ...message, path: `${webhook.url.pathname}${webhook.url.search}` }, bound);
      }).catch((error: unknown) => {
        throw deliveryErrorOf(error);
      });
      if (status < 200 || status > 299) {
        throw new DeliveryError(`the endpoint answered ${status}`);
      }
    },
  };
}

interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request that an HTTP subscriber of SNS gets, but for AWS's own signature: that cannot be made here. */
function messageOf(notification: Notification, secret: WebhookSecret, now: Date): Message {
  const { id, topic, message, createdAt } = notification;
  const body = JSON.stringify({
    Type: "Notification",
    MessageId: id,
    TopicArn: topic,
    Message: message,
    Timestamp: new Date(createdAt).toISOString(),
    // Subscribers expect the field; there is no subscription to end.
    UnsubscribeURL: "",
    MessageAttributes: Object.fromEntries(
      Object.entries(messageAttributes(notification)).map(([name, Value]) => [name, { Type: "String", Value }]),
    ),
  });
  const time = Math.floor(now.getTime() / 1000);
  const headers = {
    "content-type": "text/plain; charset=UTF-8",
    "user-agent": "Moraine",
    "x-amz-sns-message-type": "Notification",
    "x-amz-sns-message-id": id,
    "x-amz-sns-topic-arn": topic,
    "x-moraine-signature": `t=${time},v1=${secret.sign(`${time}.${body}`)}`,
  };
  return { headers, body };
}

function connectOptions({ ca }: Webhook, addresses: readonly string[]) {
  return { lookup: lookupOf(addresses), timeout: connectMilliseconds, ...(ca === null ? {} : { ca }) };
}

/** Resolves to the status of the response, which says all: its body is dropped, and no more than a little of it awaited. */
async function post(client: Client, request: Message & { path: string }, signal: AbortSignal): Promise<number> {
  try {
    const { statusCode, body } = await client.request({ ...request, method: "POST", signal });
    const enough = AbortSignal.any([signal, AbortSignal.timeout(bodyMilliseconds)]);
    await body.dump({ limit: responseSizeBytesMax, signal: enough }).catch(() => undefined);
    return statusCode;
  } finally {
    await client.destroy();
  }
}
