import type { SNSClient } from "@aws-sdk/client-sns";
import { DeliveryError, type Notifier } from "../domain/notifier.ts";
import { bounded } from "./bounded.ts";
import { deliveryErrorOf } from "./failure-reason.ts";

const connectMilliseconds = 5000;
const attemptMilliseconds = 15_000;

/** One attempt: the message waits in the store for its next. */
const clientOptions = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: connectMilliseconds, requestTimeout: attemptMilliseconds },
};

/**
 * Publishes messages to a service that speaks SNS's protocol, in the region of their topic, with the credentials that
 * AWS's SDK finds. The SDK is loaded with the first message.
 */
export function snsNotifier(endpoint: string): Notifier {
  const clients = new Map<string, SNSClient>();
  return {
    async notify({ topic, message }, signal) {
      const { SNSClient, PublishCommand } = await import("@aws-sdk/client-sns");
      const region = topic.split(":")[3] ?? "";
      const client = clients.get(region) ?? new SNSClient({ region, endpoint, ...clientOptions });
      clients.set(region, client);
      const publish = (bound: AbortSignal) =>
        client.send(new PublishCommand({ TopicArn: topic, Message: message }), { abortSignal: bound });
      await bounded(attemptMilliseconds, signal, publish).catch((error: unknown) => {
        throw refusalOf(error) ?? deliveryErrorOf(error);
      });
    },
  };
}

/** An answer that is no success, or the lack of credentials: the SDK names both. */
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
