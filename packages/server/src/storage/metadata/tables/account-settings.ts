import { sql } from "kysely";
import type { Job } from "../../../domain/jobs/job.ts";
import { assertCapacityLeft, capacityExpiry } from "../../../domain/jobs/provisioned-capacity.ts";
import {
  assertRetrievalAllowed,
  dayOf,
  defaultRetrievalPolicy,
  governedBytes,
  type RetrievalPolicy,
} from "../../../domain/jobs/retrieval-policy.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { AccountKey } from "../../../domain/vaults/vault.ts";
import type { Changes, Queries } from "../methods.ts";
import { literal, oneRow, rowsChanged } from "../prepared.ts";
import { changing, sealedInsertion, sealedRow, sealedRows } from "./row-macs/sealed-rows.ts";
import { notNull } from "./rows.ts";
import type { Database, DataRetrievalPolicyRow } from "./schema.ts";

export const accountSettingsQueries = {
  findRetrievalPolicy(db, account) {
    return findPolicy(db, account);
  },

  async listCapacityUnits(db, { account, now }) {
    const rows = await selectUnits(db, { ...account, now });
    return rows.map((row) => ({ id: row.id, startedAt: row.started_at, expiresAt: row.expires_at }));
  },
} satisfies Partial<Queries>;

export const accountSettingsChanges = {
  async setRetrievalPolicy(db, { account, policy }) {
    const { accountId, region } = account;
    const set = {
      strategy: policy.strategy,
      bytes_per_hour: policy.strategy === "BytesPerHour" ? String(policy.bytesPerHour) : null,
    };
    const row = await selectPolicy(db, { accountId, region });
    await (row === undefined
      ? insertPolicy(db, { account_id: accountId, region, ...set })
      : changePolicy(db, row, set));
  },

  async addCapacityUnit(db, { account, id, now }) {
    const unexpired = await selectUnits(db, { ...account, now });
    assertCapacityLeft(unexpired.length);
    const { accountId, region } = account;
    await insertUnit(db, { id, account_id: accountId, region, started_at: now, expires_at: capacityExpiry(now) });
  },
} satisfies Partial<Changes>;

/** In every region: an account that is made again under its old id starts afresh. */
export async function removeSettingsOfAccount(db: Database, at: { accountId: string }): Promise<void> {
  await deletePolicies(db, at);
  await deleteRetrieved(db, at);
  await deleteUnits(db, at);
}

/** Counts the job against the account's policy; throws when `assertRetrievalAllowed` does. The job is not yet there. */
export async function chargeRetrievalPolicy(
  db: Database,
  { job, account, monthlyFreeBytes }: { job: Job; account: AccountKey; monthlyFreeBytes: number },
): Promise<void> {
  const bytes = governedBytes(job);
  if (bytes === null) {
    return;
  }
  const { accountId, region } = account;
  const at = { accountId, region, day: dayOf(job.createdAt) };
  const policy = await findPolicy(db, account);
  const day = await selectRetrieved(db, at);
  const dayBytes = day?.bytes ?? 0;
  // The only strategy that needs the sum, which costs the number of jobs that are in progress.
  const hourlyBytes = policy.strategy === "BytesPerHour" ? BigInt((await sumHourly(db, at))?.bytes ?? 0) : 0n;
  assertRetrievalAllowed(policy, bytes, { hourlyBytes, dayBytes, monthlyFreeBytes }, job.createdAt);
  // No allowance comes near the greatest number that is exact, so what goes beyond need not be distinguished.
  const total = Math.min(dayBytes + bytes, Number.MAX_SAFE_INTEGER);
  await (day === undefined
    ? insertRetrieved(db, { account_id: accountId, region, day: at.day, bytes: total })
    : changeRetrieved(db, day, { bytes: total }));
  await dropRetrieved(db, at);
}

async function findPolicy(db: Database, { accountId, region }: AccountKey): Promise<RetrievalPolicy> {
  const row = await selectPolicy(db, { accountId, region });
  return row === undefined ? defaultRetrievalPolicy : policyOf(row);
}

function policyOf({ strategy, bytes_per_hour }: DataRetrievalPolicyRow): RetrievalPolicy {
  return strategy === "BytesPerHour" ? { strategy, bytesPerHour: BigInt(notNull(bytes_per_hour)) } : { strategy };
}

const selectPolicy = sealedRow(
  "data_retrieval_policies",
  (db, at: AccountKey) =>
    db
      .selectFrom("data_retrieval_policies")
      .selectAll()
      .where("account_id", "=", at.accountId)
      .where("region", "=", at.region),
  (row, at) => row.account_id === at.accountId && row.region === at.region,
);

const insertPolicy = sealedInsertion("data_retrieval_policies");
const changePolicy = changing("data_retrieval_policies", "strategy", "bytes_per_hour");

/** Sums a quarter of each job's bytes, rounded up. The result is text: it may be more than a number can hold. */
const sumHourly = oneRow((db, at: AccountKey) =>
  db
    .selectFrom("jobs")
    .innerJoin("vaults", "vaults.id", "jobs.vault_id")
    .select(sql<string>`cast(coalesce(sum((range_last_byte - range_first_byte + 4) / 4), 0) as text)`.as("bytes"))
    .where("jobs.state", "=", literal("in_progress"))
    .where("jobs.tier", "=", literal("Standard"))
    .where("vaults.account_id", "=", at.accountId)
    .where("vaults.region", "=", at.region),
);

interface RetrievalDay extends AccountKey {
  day: string;
}

const selectRetrieved = sealedRow(
  "retrieved_bytes",
  (db, at: RetrievalDay) =>
    db
      .selectFrom("retrieved_bytes")
      .selectAll()
      .where("account_id", "=", at.accountId)
      .where("region", "=", at.region)
      .where("day", "=", at.day),
  (row, at) => row.account_id === at.accountId && row.region === at.region && row.day === at.day,
);

const insertRetrieved = sealedInsertion("retrieved_bytes");
const changeRetrieved = changing("retrieved_bytes", "bytes");

/** Days that are over have nothing to say any more. */
const dropRetrieved = rowsChanged((db, at: RetrievalDay) =>
  db
    .deleteFrom("retrieved_bytes")
    .where("account_id", "=", at.accountId)
    .where("region", "=", at.region)
    .where("day", "<", at.day),
);

const insertUnit = sealedInsertion("capacity_units");

const selectUnits = sealedRows("capacity_units", (db, at: AccountKey & { now: Instant }) =>
  db
    .selectFrom("capacity_units")
    .selectAll()
    .where("account_id", "=", at.accountId)
    .where("region", "=", at.region)
    .where("expires_at", ">", at.now)
    .orderBy("started_at")
    .orderBy("id"),
);

const deletePolicies = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("data_retrieval_policies").where("account_id", "=", at.accountId),
);

const deleteRetrieved = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("retrieved_bytes").where("account_id", "=", at.accountId),
);

const deleteUnits = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("capacity_units").where("account_id", "=", at.accountId),
);
