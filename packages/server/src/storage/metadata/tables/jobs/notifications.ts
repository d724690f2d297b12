import { type AccountId, type JobId, millisecondsPer } from "@moraine/protocol";
import { invariant } from "../../../../domain/invariant.ts";
import type { Job } from "../../../../domain/jobs/job.ts";
import {
  deliveryMilliseconds,
  messagesAbout,
  type Notification,
  type NotificationState,
} from "../../../../domain/notifications/notification.ts";
import type { ClaimedMessage, NotificationStatus } from "../../../../domain/stores/notification-store.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import type { Changes, Queries } from "../../methods.ts";
import { literal, oneRow, rowsChanged } from "../../prepared.ts";
import { sealedInsertion, sealedRows, soundRows } from "../row-macs/sealed-rows.ts";
import type { Database, NotificationRow } from "../schema.ts";
import { findById } from "../vaults/vault-contents.ts";
import { claimInTurn } from "./account-turns.ts";
import { leaseStatements } from "./lease-statements.ts";

export const notificationQueries = {
  async nextNotificationDue(db, { now, dueAfter }) {
    const row =
      (await messageLeases.lapsed(db, { now })) ?? (await messageLeases.nextDue(db, { dueAfter: dueAfter ?? 0 }));
    return row?.due_at ?? null;
  },

  async listNotifications(db, { accountId, state, after, limit }) {
    const states = { stateA: state ?? "pending", stateB: state ?? "failed" } as const;
    const place = { afterTime: after?.createdAt ?? 0, afterId: after?.id ?? "" };
    const rows = await selectPage(db, { accountId, limit, ...states, ...place });
    return rows.map(statusOf);
  },

  async countNotifications(db) {
    const [pending, failed] = [await countPending(db, {}), await countFailed(db, {})];
    return { pending: Number(pending?.count), failed: Number(failed?.count) };
  },
} satisfies Partial<Queries>;

export const notificationChanges = {
  async claimNotifications(db, turn) {
    const { now, leaseUntil } = turn;
    await messageLeases.endLapsed(db, { now });
    const claims = await claimInTurn(turn, {
      nextAccount: async (after) => (await messageLeases.nextAccount(db, { after }))?.account_id ?? null,
      claim: (accountId) => claimEarliest(db, { accountId, now, leaseUntil }),
    });
    return claims.map(([, row]) => ({
      notification: notificationOf(row),
      fence: row.fence,
      attempts: row.attempts,
      giveUpAt: row.give_up_at,
    }));
  },

  async removeNotification(db, claimed) {
    return (await remove(db, claimed)) === 1;
  },

  async postponeNotification(db, claimed) {
    return (await postpone(db, claimed)) === 1;
  },

  async failNotification(db, claimed) {
    return (await fail(db, claimed)) === 1;
  },

  async retryNotification(db, at) {
    return (await retry(db, { ...at, giveUpAt: at.now + deliveryMilliseconds })) === 1;
  },

  expireNotifications(db, at) {
    return deleteExpired(db, at);
  },
} satisfies Partial<Changes>;

/** Within the transaction that ends the job: a job has not ended before its messages are sure to be sent. */
export async function addNotifications(db: Database, job: Job): Promise<void> {
  const vault = await findById(db, job.vaultId);
  invariant(vault !== null, "a job goes with its vault");
  for (const notification of messagesAbout(job, vault)) {
    await insertNotification(db, newRow(notification));
  }
}

function newRow({ id, accountId, vaultArn, jobId, topic, message, createdAt }: Notification): NotificationRow {
  return {
    id,
    account_id: accountId,
    vault_arn: vaultArn,
    job_id: jobId,
    topic,
    message,
    created_at: createdAt,
    due_at: createdAt,
    give_up_at: createdAt + deliveryMilliseconds,
    attempts: 0,
    lease_until: null,
    fence: 0,
    state: "pending",
    failed_at: null,
    last_error: null,
  };
}

function notificationOf(row: NotificationRow): Notification {
  return {
    id: row.id,
    accountId: row.account_id as AccountId,
    vaultArn: row.vault_arn,
    jobId: row.job_id as JobId,
    topic: row.topic,
    message: row.message,
    createdAt: row.created_at,
  };
}

function statusOf(row: NotificationRow): NotificationStatus {
  return {
    ...notificationOf(row),
    state: row.state,
    attempts: row.attempts,
    dueAt: row.due_at,
    failedAt: row.failed_at,
    lastError: row.last_error,
  };
}

const pending = literal("pending");
const failed = literal("failed");

export const messageLeases = leaseStatements<object>({
  name: "notifications",
  state: pending,
  inLane: () => [],
  exists: () => [],
});

/** A damaged message is looked at again after this time, and does not hold up the others of its account meanwhile. */
const putOffMilliseconds = millisecondsPer.hour;
const damagedMax = 50;

async function claimEarliest(
  db: Database,
  { accountId, now, leaseUntil }: { accountId: string; now: Instant; leaseUntil: Instant },
): Promise<NotificationRow | undefined> {
  for (let damaged = 0; damaged < damagedMax; damaged += 1) {
    const next = await messageLeases.earliest(db, { accountId, now });
    if (next === undefined) {
      return undefined;
    }
    const [row] = await selectSound(db, next);
    if (row !== undefined) {
      await claim(db, { id: row.id, leaseUntil });
      return { ...row, lease_until: leaseUntil, fence: row.fence + 1, attempts: row.attempts + 1 };
    }
    await putOff(db, { id: next.id, leaseUntil: now + putOffMilliseconds });
  }
  return undefined;
}

const putOff = rowsChanged((db, at: { id: string; leaseUntil: Instant }) =>
  db.updateTable("notifications").set({ lease_until: at.leaseUntil }).where("id", "=", at.id),
);

const insertNotification = sealedInsertion("notifications");

interface Page {
  accountId: string;
  stateA: NotificationState;
  stateB: NotificationState;
  afterTime: Instant;
  afterId: string;
  limit: number;
}

const selectPage = sealedRows("notifications", (db, page: Page) =>
  db
    .selectFrom("notifications")
    .selectAll()
    .where("account_id", "=", page.accountId)
    // The first condition is what the index serves; the second cuts within the time itself.
    .where("created_at", ">=", page.afterTime)
    .where((eb) => eb.or([eb("created_at", ">", page.afterTime), eb("id", ">", page.afterId)]))
    .where("state", "in", [page.stateA, page.stateB])
    .orderBy("created_at")
    .orderBy("id")
    .limit(page.limit),
);

const countIn = (state: typeof pending | typeof failed) =>
  oneRow((db, _: object) =>
    db
      .selectFrom("notifications")
      .select((eb) => eb.fn.countAll().as("count"))
      .where("state", "=", state),
  );
const countPending = countIn(pending);
const countFailed = countIn(failed);

const selectSound = soundRows("notifications", (db, at: { id: string }) =>
  db.selectFrom("notifications").selectAll().where("id", "=", at.id),
);

const claim = rowsChanged((db, at: { id: string; leaseUntil: Instant }) =>
  db
    .updateTable("notifications")
    .set((eb) => ({ lease_until: at.leaseUntil, fence: eb("fence", "+", 1), attempts: eb("attempts", "+", 1) }))
    .where("id", "=", at.id),
);

const remove = rowsChanged((db, claimed: ClaimedMessage) =>
  db
    .deleteFrom("notifications")
    .where("id", "=", claimed.id)
    .where("fence", "=", claimed.fence)
    .where("lease_until", "is not", null),
);

const postpone = rowsChanged((db, claimed: ClaimedMessage & { dueAt: Instant; reason: string }) =>
  db
    .updateTable("notifications")
    .set({ lease_until: null, due_at: claimed.dueAt, last_error: claimed.reason })
    .where("id", "=", claimed.id)
    .where("fence", "=", claimed.fence)
    .where("lease_until", "is not", null),
);

const fail = rowsChanged((db, claimed: ClaimedMessage & { now: Instant; reason: string }) =>
  db
    .updateTable("notifications")
    .set({ lease_until: null, state: "failed", failed_at: claimed.now, last_error: claimed.reason })
    .where("id", "=", claimed.id)
    .where("fence", "=", claimed.fence)
    .where("lease_until", "is not", null),
);

/** The claim of whoever is sending it right now is left alone. */
const retry = rowsChanged((db, at: { accountId: string; id: string; now: Instant; giveUpAt: Instant }) =>
  db
    .updateTable("notifications")
    .set({ state: "pending", due_at: at.now, give_up_at: at.giveUpAt, attempts: 0, failed_at: null })
    .where("id", "=", at.id)
    .where("account_id", "=", at.accountId),
);

const deleteExpired = rowsChanged((db, at: { failedBefore: Instant; limit: number }) =>
  db
    .deleteFrom("notifications")
    .where("id", "in", (eb) =>
      eb
        .selectFrom("notifications")
        .select("id")
        .where("state", "=", failed)
        .where("failed_at", "<", at.failedBefore)
        .orderBy("failed_at")
        .limit(at.limit),
    ),
);

/** Messages name the account's vaults: an account that is made again under its old id must not see them. */
export const removeMessagesOfAccount = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("notifications").where("account_id", "=", at.accountId),
);
