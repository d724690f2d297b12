import type { Notification } from "./notification.ts";

/** Brings messages to where a topic leads. */
export interface Notifier {
  /**
   * Resolves when the receiver has said that it has the message. Rejects with `NoEndpointError` when nobody can be sent it,
   * and otherwise with a `DeliveryError`: then it may have arrived or not, and is tried again. Bounded in time; ends at
   * once when `signal` aborts.
   */
  notify(notification: Notification, signal: AbortSignal): Promise<void>;
}

/** An attempt that did not succeed. Its message is stored and shown to people: no secret, nothing of the answer's body. */
export class DeliveryError extends Error {
  override readonly name: string = "DeliveryError";
}

/** Nothing says where the topic leads, so trying again does not help. */
export class NoEndpointError extends DeliveryError {
  override readonly name = "NoEndpointError";

  constructor() {
    super("no endpoint is configured for this topic");
  }
}
