import type { SNSClient, SNSClientConfig } from "@aws-sdk/client-sns";
import { messageAttributes } from "../domain/notifications/notification.ts";
import { DeliveryError, type Notifier } from "../domain/notifications/notifier.ts";
import { bounded } from "./bounded.ts";
import { deliveryErrorOf } from "./failure-reason.ts";

const connectMilliseconds = 5000;
const attemptMilliseconds = 15_000;
/** Regions are whatever tenants write into ARNs, so only the latest have a client. */
const clientsMax = 4;

/** One attempt: the message waits in the store for its next. */
const clientOptions = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: connectMilliseconds, requestTimeout: attemptMilliseconds },
};

/**
 * Publishes messages to a service that speaks SNS's protocol, in the region of their topic, with the credentials that
 * AWS's SDK finds. The SDK is loaded with the first message. Throws where it is not installed, which the package leaves open.
 */
export function snsNotifier(endpoint: string): Notifier {
  assertInstalled();
  const clients = new RegionalClients(endpoint);
  return {
    async notify(notification, signal) {
      const { topic: TopicArn, message: Message } = notification;
      const { SNSClient, PublishCommand } = await import("@aws-sdk/client-sns");
      const client = clients.of(TopicArn.split(":")[3] ?? "", (config) => new SNSClient(config));
      const MessageAttributes = Object.fromEntries(
        Object.entries(messageAttributes(notification)).map(([name, StringValue]) => [
          name,
          { DataType: "String", StringValue },
        ]),
      );
      const publish = (bound: AbortSignal) =>
        client.send(new PublishCommand({ TopicArn, Message, MessageAttributes }), { abortSignal: bound });
      await bounded(attemptMilliseconds, signal, publish).catch((error: unknown) => {
        throw refusalOf(error) ?? deliveryErrorOf(error);
      });
    },
  };
}

function assertInstalled(): void {
  try {
    import.meta.resolve("@aws-sdk/client-sns");
  } catch (cause) {
    const name = "@aws-sdk/client-sns";
    throw new Error(`--sns-endpoint needs the package ${name}: npm install ${name}, where this server is installed`, {
      cause,
    });
  }
}

/** Clients of the latest regions. All share the connections and the credentials of the first, so one is dropped without being ended. */
class RegionalClients {
  readonly #endpoint: string;
  readonly #clients = new Map<string, SNSClient>();
  #shared: Pick<SNSClientConfig, "requestHandler" | "credentials"> | undefined;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  of(region: string, create: (config: SNSClientConfig) => SNSClient): SNSClient {
    const client =
      this.#clients.get(region) ?? create({ region, endpoint: this.#endpoint, ...clientOptions, ...this.#shared });
    const { requestHandler, credentials } = client.config;
    this.#shared ??= { requestHandler, credentials };
    this.#clients.delete(region);
    this.#clients.set(region, client);
    const [oldest] = this.#clients.keys();
    if (oldest !== undefined && this.#clients.size > clientsMax) {
      this.#clients.delete(oldest);
    }
    return client;
  }
}

/** A response that is no success, or the lack of credentials: the SDK names both. */
function refusalOf(error: unknown): DeliveryError | undefined {
  if (!(error instanceof Error) || !/^[A-Za-z]{1,64}$/.test(error.name)) {
    return undefined;
  }
  if (error.name === "CredentialsProviderError") {
    return new DeliveryError("there are no credentials for the SNS endpoint");
  }
  const { $metadata } = error as { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined ? undefined : new DeliveryError(`the SNS endpoint answered ${status} ${error.name}`);
}
