import type { Node } from "../domain/node.ts";
import {
  type Notification,
  type NotificationState,
  retryDelayMilliseconds,
} from "../domain/notifications/notification.ts";
import { DeliveryError, type Notifier, UndeliverableError } from "../domain/notifications/notifier.ts";
import type { NotificationClaim } from "../domain/stores/notification-store.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Clock } from "../domain/time/clock.ts";
import { AccountTurns } from "./account-turns.ts";
import { type ClaimLoop, startClaimLoop } from "./claim-loop.ts";

export interface DeliveryServices {
  readonly metadata: UnrecordedMetadata;
  readonly clock: Clock;
  readonly node: Pick<Node, "isShared">;
  readonly notifier: Notifier;
  readonly log: DeliveryLog;
}

export interface DeliveryLog {
  delivered(notification: Notification): void;
  /** It did not arrive, for the reason, and is from now on in this state. */
  undelivered(notification: Notification, state: NotificationState, reason: string): void;
  /** Reports that the outcome of a message could not be recorded; it is sent again. */
  postponed(what: string, error: unknown): void;
}

const deliveriesAtOnceMax = 32;
/** Endpoints that never respond hold what they are sent for seconds: most of it is left to other accounts. */
const deliveriesPerAccountMax = 4;

/**
 * Sends the messages that wait, each until somebody has said that it has arrived. What was on its way when the process
 * stopped or died is sent again: receivers tell by the message's id.
 */
export function startDelivery(services: DeliveryServices): ClaimLoop {
  const { metadata } = services;
  const accounts = new AccountTurns(deliveriesPerAccountMax);
  return startClaimLoop(services, {
    name: "messages to send",
    atOnceMax: deliveriesAtOnceMax,
    async claim(at) {
      const claims = await metadata.claimNotifications({ ...at, ...accounts.next() });
      for (const { notification } of claims) {
        accounts.claimed(notification.accountId);
      }
      return claims;
    },
    nextDue: (now) => metadata.nextNotificationDue({ now, dueAfter: accounts.someoneHoldsAll() ? now : null }),
    async run(claim, signal) {
      const { id, accountId } = claim.notification;
      await deliver(services, claim, signal).catch((error: unknown) => services.log.postponed(`message ${id}`, error));
      accounts.ended(accountId);
    },
  });
}

async function deliver(services: DeliveryServices, claim: NotificationClaim, signal: AbortSignal): Promise<void> {
  const { metadata, notifier, log } = services;
  const { notification, fence } = claim;
  try {
    await notifier.notify(notification, signal);
  } catch (error) {
    // An aborted attempt says nothing about the endpoint: the next start releases the claim and sends the message again.
    if (!signal.aborted) {
      await recordFailure(services, claim, error);
    }
    return;
  }
  if (await metadata.removeNotification({ id: notification.id, fence })) {
    log.delivered(notification);
  }
}

async function recordFailure(services: DeliveryServices, claim: NotificationClaim, error: unknown): Promise<void> {
  const { metadata, clock, log } = services;
  const { notification, fence, attempts, giveUpAt } = claim;
  if (!(error instanceof DeliveryError)) {
    log.postponed(`message ${notification.id}`, error);
  }
  const reason = error instanceof DeliveryError ? error.message : "the message could not be sent";
  const now = clock.now();
  const dueAt = now + retryDelayMilliseconds(attempts, Math.random());
  const state = error instanceof UndeliverableError || dueAt > giveUpAt ? "failed" : "pending";
  const at = { id: notification.id, fence, reason };
  const recorded =
    state === "failed"
      ? await metadata.failNotification({ ...at, now })
      : await metadata.postponeNotification({ ...at, dueAt });
  if (recorded) {
    log.undelivered(notification, state, reason);
  }
}
