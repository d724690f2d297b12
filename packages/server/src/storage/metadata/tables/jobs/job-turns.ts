import type { AccountId } from "@moraine/protocol";
import type { ExpressionBuilder } from "kysely";
import type { JobClaim, JobLane } from "../../../../domain/jobs/job.ts";
import type { JobTurn } from "../../../../domain/stores/metadata-store.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import { literal, oneRow, rowsChanged } from "../../sqlite/prepared.ts";
import { release } from "../releases.ts";
import type { Database, JobRow, Schema } from "../schema.ts";
import { claimInTurn } from "./account-turns.ts";
import { jobOf } from "./job-rows.ts";
import { leaseStatements } from "./lease-statements.ts";

/** Jobs of removed vaults that one visit to an account drops before it is left for the next claim. */
const droppedMax = 50;

/** Claims jobs of a lane, the accounts in turn. */
export async function claimJobs(db: Database, turn: JobTurn): Promise<JobClaim[]> {
  const { lane, now } = turn;
  await jobLeases.endLapsed(db, { lane, now });
  const claims = await claimInTurn(turn, {
    nextAccount: async (after) => (await jobLeases.nextAccount(db, { lane, after }))?.account_id ?? null,
    claim: (accountId) => claimOf(db, accountId, turn),
  });
  return claims.map(([accountId, row]) => ({ job: jobOf(row), accountId, fence: row.fence }));
}

/** Claims the earliest job of an account that is due. */
async function claimOf(
  db: Database,
  accountId: string,
  { lane, now, leaseUntil }: JobTurn,
): Promise<JobRow | undefined> {
  for (let dropped = 0; dropped < droppedMax; dropped += 1) {
    const next = await jobLeases.earliest(db, { lane, accountId, now });
    const row = next && (await claim(db, { id: next.id, leaseUntil }));
    if (next === undefined || row !== undefined) {
      return row;
    }
    // Its vault was removed, and it would be dropped in a later round.
    await dropJob(db, next, now);
  }
  return undefined;
}

/** Counts the jobs of an account that are in progress; triggers keep the count. */
export async function countInProgress(db: Database, at: { accountId: AccountId }): Promise<number> {
  return (await selectCount(db, at))?.count ?? 0;
}

export async function dropJob(db: Database, job: { id: string }, now: Instant): Promise<void> {
  await release(db, { ownerId: job.id, now });
  await deleteJob(db, job);
}

export const inProgress = literal("in_progress");

/** A job ends with its vault, though its row goes later. */
export const inVault = (eb: ExpressionBuilder<Schema, "jobs">) =>
  eb.exists(eb.selectFrom("vaults").select("vaults.id").whereRef("vaults.id", "=", "jobs.vault_id"));

export const jobLeases = leaseStatements<{ lane: JobLane }>({
  name: "jobs",
  state: inProgress,
  inLane: (eb, { lane }) => [eb("lane", "=", lane)],
  exists: (eb) => [inVault(eb)],
});

const claim = oneRow((db, at: { id: string; leaseUntil: Instant }) =>
  db
    .updateTable("jobs")
    .set((eb) => ({ lease_until: at.leaseUntil, fence: eb("fence", "+", 1) }))
    .where("id", "=", at.id)
    .where(inVault)
    .returningAll(),
);

const selectCount = oneRow((db, at: { accountId: AccountId }) =>
  db.selectFrom("jobs_in_progress").select("count").where("account_id", "=", at.accountId),
);

const deleteJob = rowsChanged((db, job: { id: string }) => db.deleteFrom("jobs").where("id", "=", job.id));
