import { type AccountId, millisecondsPer } from "@moraine/protocol";
import type { ExpressionBuilder } from "kysely";
import type { JobClaim, JobLane } from "../../../../domain/jobs/job.ts";
import type { JobTurn } from "../../../../domain/stores/metadata-store.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import { literal, oneRow, rowsChanged } from "../../prepared.ts";
import { release } from "../releases.ts";
import { soundRows } from "../row-macs/sealed-rows.ts";
import type { Database, JobRow, Schema } from "../schema.ts";
import { claimInTurn } from "./account-turns.ts";
import { jobOf } from "./job-rows.ts";
import { leaseStatements } from "./lease-statements.ts";

/** Jobs of removed vaults, and damaged ones, that one visit to an account passes before it is left for the next claim. */
const passedMax = 50;

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

/** A damaged job is looked at again after this time, and does not hold up the others of its lane meanwhile. */
const putOffMilliseconds = millisecondsPer.hour;

/** Claims the earliest job of an account that is due, and is not damaged. */
async function claimOf(
  db: Database,
  accountId: string,
  { lane, now, leaseUntil }: JobTurn,
): Promise<JobRow | undefined> {
  for (let passed = 0; passed < passedMax; passed += 1) {
    const next = await jobLeases.earliest(db, { lane, accountId, now });
    if (next === undefined) {
      return undefined;
    }
    const [row] = await selectSound(db, next);
    if (row === undefined) {
      await putOff(db, { id: next.id, leaseUntil: now + putOffMilliseconds });
    } else if ((await claim(db, { id: row.id, leaseUntil })) === 1) {
      return { ...row, lease_until: leaseUntil, fence: row.fence + 1 };
    } else {
      // Its vault was removed, and it would be dropped in a later round.
      await dropJob(db, row, now);
    }
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

const selectSound = soundRows("jobs", (db, at: { id: string }) =>
  db.selectFrom("jobs").selectAll().where("id", "=", at.id),
);

const claim = rowsChanged((db, at: { id: string; leaseUntil: Instant }) =>
  db
    .updateTable("jobs")
    .set((eb) => ({ lease_until: at.leaseUntil, fence: eb("fence", "+", 1) }))
    .where("id", "=", at.id)
    .where(inVault),
);

const putOff = rowsChanged((db, at: { id: string; leaseUntil: Instant }) =>
  db.updateTable("jobs").set({ lease_until: at.leaseUntil }).where("id", "=", at.id),
);

const selectCount = oneRow((db, at: { accountId: AccountId }) =>
  db.selectFrom("jobs_in_progress").select("count").where("account_id", "=", at.accountId),
);

const deleteJob = rowsChanged((db, job: { id: string }) => db.deleteFrom("jobs").where("id", "=", job.id));
