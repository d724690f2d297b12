import type { Notification } from "./notification.ts";

/** Brings messages to where a topic leads. */
export interface Notifier {
  /**
   * Resolves when the receiver has said that it has the message. Rejects with `UndeliverableError` when nobody can be sent it,
   * and otherwise with a `DeliveryError`: then it may have arrived or not, and is tried again. Bounded in time; ends at
   * once when `signal` aborts.
   */
  notify(notification: Notification, signal: AbortSignal): Promise<void>;
}

/** An attempt that did not succeed. Its message is stored and shown to people: no secret, nothing of the response's body. */
export class DeliveryError extends Error {
  override readonly name: string = "DeliveryError";
}

/** An attempt that would end the same however often it is repeated. */
export class UndeliverableError extends DeliveryError {
  override readonly name: string = "UndeliverableError";
}

/** Nothing says where the topic leads. */
export class NoEndpointError extends UndeliverableError {
  override readonly name = "NoEndpointError";

  constructor() {
    super("no endpoint is configured for this topic");
  }
}
