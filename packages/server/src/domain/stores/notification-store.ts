import type { AccountId } from "@moraine/protocol";
import type { AccountTurn } from "../jobs/account-turn.ts";
import type { Notification, NotificationState } from "../notifications/notification.ts";
import type { Instant } from "../time/instant.ts";

export interface NotificationQueries {
  /** When the next message that nobody is sending is due; null when none waits. `dueAfter` passes over messages due until then. */
  nextNotificationDue(at: { now: Instant; dueAfter: Instant | null }): Promise<Instant | null>;
  /** The account's messages by creation time and then id, after the position `after` (from the start, if null). */
  listNotifications(page: NotificationPage): Promise<NotificationStatus[]>;
  /** Counts those of all accounts. */
  countNotifications(): Promise<Readonly<Record<NotificationState, number>>>;
}

/** Messages are added by `finishJob`, in the transaction that ends their job. */
export interface NotificationChanges {
  /** Claims pending messages that are due and that nobody holds, the accounts in turn; each claim bumps the fence and counts as an attempt. */
  claimNotifications(turn: AccountTurn): Promise<NotificationClaim[]>;
  /** Drops a message that has arrived. False when the claim was lost. */
  removeNotification(claim: ClaimedMessage): Promise<boolean>;
  /** Lets go of a message until `dueAt`. False when the claim was lost. */
  postponeNotification(claim: ClaimedMessage & { dueAt: Instant; reason: string }): Promise<boolean>;
  /** `pending → failed`: it is tried no more. False when the claim was lost. */
  failNotification(claim: ClaimedMessage & { now: Instant; reason: string }): Promise<boolean>;
  /**
   * Makes a message pending and due now, with all its time before it, whether it had failed or was waiting. False when the
   * account has no such message.
   */
  retryNotification(at: { accountId: AccountId; id: string; now: Instant }): Promise<boolean>;
  /** Drops up to `limit` messages that failed before `failedBefore`. */
  expireNotifications(at: { failedBefore: Instant; limit: number }): Promise<number>;
}

export interface NotificationPage {
  readonly accountId: AccountId;
  /** Null is any. */
  readonly state: NotificationState | null;
  readonly after: Pick<Notification, "createdAt" | "id"> | null;
  readonly limit: number;
}

/** The right to say what has become of a message: a later claim bumps the fence. */
export interface ClaimedMessage {
  readonly id: string;
  readonly fence: number;
}

export interface NotificationClaim {
  readonly notification: Notification;
  readonly fence: number;
  /** The attempts so far, including this one. */
  readonly attempts: number;
  /** When to try it no more. */
  readonly giveUpAt: Instant;
}

export interface NotificationStatus extends Notification {
  readonly state: NotificationState;
  readonly attempts: number;
  /** When it is tried next, if it is pending. */
  readonly dueAt: Instant;
  readonly failedAt: Instant | null;
  /** Why the last attempt did not succeed; null before it. Names no secret and quotes no response. */
  readonly lastError: string | null;
}
