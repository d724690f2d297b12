import { invariant } from "../../../../domain/invariant.ts";
import { assertJobsLeft, type JobState } from "../../../../domain/jobs/job.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import type { Changes, Queries } from "../../methods.ts";
import { rowsChanged } from "../../prepared.ts";
import { chargeRetrievalPolicy } from "../account-settings.ts";
import { changing, sealedInsertion, sealedRow, sealedRows, soundRows } from "../row-macs/sealed-rows.ts";
import type { Database, JobRow } from "../schema.ts";
import { makeLive, releasePending } from "../segments.ts";
import { requirePermitted } from "../vaults/vault-contents.ts";
import { vaultOf } from "../vaults/vault-rows.ts";
import { jobOf, jobRow } from "./job-rows.ts";
import { claimJobs, countInProgress, dropJob, inProgress, inVault, jobLeases } from "./job-turns.ts";
import { addNotifications, messageLeases } from "./notifications.ts";

export const jobQueries = {
  async findJob(db, at) {
    const row = await selectJob(db, at);
    return row === undefined ? null : jobOf(row);
  },

  async listJobs(db, { states, after, limit, ...page }) {
    const from = { afterTime: after?.createdAt ?? Number.MAX_SAFE_INTEGER, afterId: after?.id ?? "" };
    const rows: JobRow[] = [];
    for (const state of states ?? everyState) {
      rows.push(...(await selectJobs(db, { ...page, ...from, state, limit })));
    }
    return rows.sort(newestFirst).slice(0, limit).map(jobOf);
  },

  async nextJobDue(db, { lane, now, dueAfter }) {
    const lapsed = await jobLeases.lapsed(db, { lane, now });
    const row = lapsed ?? (await jobLeases.nextDue(db, { lane, dueAfter: dueAfter ?? Number.MIN_SAFE_INTEGER }));
    return row?.due_at ?? null;
  },
} satisfies Partial<Queries>;

export const jobChanges = {
  async addJob(db, { job, monthlyFreeBytes, ...permitted }) {
    const account = vaultOf(await requirePermitted(db, { vaultId: job.vaultId, ...permitted }));
    assertJobsLeft(await countInProgress(db, account));
    await chargeRetrievalPolicy(db, { job, account, monthlyFreeBytes });
    await insertJob(db, jobRow(job, account.accountId));
  },

  claimJobs,

  async renewJob(db, claimed) {
    return (await renew(db, claimed)) === 1;
  },

  async finishJob(db, { jobId, fence, state, statusMessage, now, output }) {
    const claimed = await selectClaimed(db, { jobId, fence });
    if (claimed === undefined) {
      return false;
    }
    const finished = await finish(db, claimed, {
      state,
      status_message: statusMessage,
      completed_at: now,
      lease_until: null,
      output_key: output?.document.segmentKey ?? null,
      output_size_bytes: output?.document.sizeBytes ?? null,
      output_next_marker: output?.document.nextMarker ?? null,
    });
    if (output !== null) {
      const { segment, document } = output;
      invariant(segment.ownerId === jobId && segment.key === document.segmentKey, "a job's output is its own segment");
      await makeLive(db, segment);
    }
    await addNotifications(db, jobOf(finished));
    return true;
  },

  async expireJobs(db, at) {
    const jobs = await selectExpired(db, at);
    for (const job of jobs) {
      await dropJob(db, job, at.now);
    }
    return jobs.length;
  },

  async releaseLeases(db) {
    await releasePending(db, {});
    await jobLeases.releaseAll(db, {});
    await messageLeases.releaseAll(db, {});
  },
} satisfies Partial<Changes>;

/** Drops up to `limit` jobs of a vault that was removed, with their outputs, and returns how many. */
export async function removeJobsOf(
  db: Database,
  { vaultId, now, limit }: { vaultId: string; now: Instant; limit: number },
): Promise<number> {
  const jobs = await selectOfVault(db, { vaultId, limit });
  for (const job of jobs) {
    await dropJob(db, job, now);
  }
  return jobs.length;
}

const everyState: readonly JobState[] = ["in_progress", "succeeded", "failed"];

function newestFirst(a: JobRow, b: JobRow): number {
  return b.created_at - a.created_at || (a.id < b.id ? -1 : 1);
}

const insertJob = sealedInsertion("jobs");

const selectJob = sealedRow(
  "jobs",
  (db, at: { vaultId: string; jobId: string; completedSince: Instant }) =>
    db
      .selectFrom("jobs")
      .selectAll()
      .where("id", "=", at.jobId)
      .where("vault_id", "=", at.vaultId)
      .where((eb) => eb.or([eb("completed_at", "is", null), eb("completed_at", ">", at.completedSince)]))
      .where(inVault),
  (row, at) => row.id === at.jobId && row.vault_id === at.vaultId,
);

interface JobListing {
  vaultId: string;
  completedSince: Instant;
  state: JobState;
  afterTime: Instant;
  afterId: string;
  limit: number;
}

/** Selects jobs of one state, so that a list of few failed jobs does not pass over many that succeeded. */
const selectJobs = sealedRows("jobs", (db, page: JobListing) =>
  db
    .selectFrom("jobs")
    .selectAll()
    .where("vault_id", "=", page.vaultId)
    .where("state", "=", page.state)
    // The first condition is what the index serves; the second cuts within the time itself.
    .where("created_at", "<=", page.afterTime)
    .where((eb) => eb.or([eb("created_at", "<", page.afterTime), eb("id", ">", page.afterId)]))
    .where((eb) => eb.or([eb("completed_at", "is", null), eb("completed_at", ">", page.completedSince)]))
    .orderBy("created_at", "desc")
    .orderBy("id")
    .limit(page.limit),
);

const renew = rowsChanged((db, claimed: { jobId: string; fence: number; leaseUntil: Instant }) =>
  db
    .updateTable("jobs")
    .set({ lease_until: claimed.leaseUntil })
    .where("id", "=", claimed.jobId)
    .where("fence", "=", claimed.fence)
    .where("state", "=", inProgress)
    .where(inVault),
);

const selectClaimed = sealedRow(
  "jobs",
  (db, claimed: { jobId: string; fence: number }) =>
    db
      .selectFrom("jobs")
      .selectAll()
      .where("id", "=", claimed.jobId)
      .where("fence", "=", claimed.fence)
      .where("state", "=", inProgress)
      .where(inVault),
  (row, claimed) => row.id === claimed.jobId,
);

const finish = changing(
  "jobs",
  "state",
  "status_message",
  "completed_at",
  "lease_until",
  "output_key",
  "output_size_bytes",
  "output_next_marker",
);

const selectExpired = soundRows("jobs", (db, at: { completedBefore: Instant; limit: number }) =>
  db
    .selectFrom("jobs")
    .selectAll()
    .where("completed_at", "<", at.completedBefore)
    .orderBy("completed_at")
    .limit(at.limit),
);

const selectOfVault = soundRows("jobs", (db, at: { vaultId: string; limit: number }) =>
  db.selectFrom("jobs").selectAll().where("vault_id", "=", at.vaultId).limit(at.limit),
);
