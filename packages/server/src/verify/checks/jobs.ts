import { packKey } from "../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../storage/metadata/tables/rows.ts";
import type { JobRow, SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";

const pageRows = 200;

/** Jobs' columns are those of their state, and inventories that are ready have their document. */
export async function checkJobs(verification: Verification): Promise<void> {
  const page = verification.database.prepare(
    `SELECT rowid AS at, * FROM jobs WHERE rowid > ? ORDER BY rowid LIMIT ${pageRows}`,
  );
  await verification.eachRow<JobRow & { at: number }>(page, (row) => findingsOf(verification, row));
  checkCounts(verification);
}

function findingsOf({ database }: Verification, row: JobRow): Finding[] {
  const isEnded = row.state !== "in_progress";
  const hasOutput = row.output_key !== null;
  const needsOutput = row.action === "InventoryRetrieval" && row.state === "succeeded";
  const job = row.id;
  if (isEnded !== (row.completed_at !== null) || hasOutput !== needsOutput || (isEnded && row.lease_until !== null)) {
    return [{ code: "job-state", message: `the job is ${row.state}, but its other columns say otherwise`, job }];
  }
  if (row.output_key === null) {
    return [];
  }
  const segment = database.prepare("SELECT * FROM segments WHERE name = ?").get(packKey(row.output_key)) as unknown as
    | SegmentRow
    | undefined;
  const isWhole =
    segment !== undefined &&
    (segment.state === "live" || segment.state === "suspect") &&
    keyOf(segment) === row.output_key &&
    row.output_key.includes(`/${row.id}.`) &&
    segment.size_bytes === row.output_size_bytes;
  const message = "the segment of the inventory's document is missing, or another one";
  return isWhole ? [] : [{ code: "job-output", message, job, file: `blobs/${row.output_key}` }];
}

function checkCounts(verification: Verification): void {
  const wrong = verification.database.prepare(
    `WITH counted AS (SELECT account_id, count(*) AS count FROM jobs WHERE state = 'in_progress' GROUP BY account_id)
     SELECT coalesce(kept.account_id, counted.account_id) AS account, coalesce(kept.count, 0) AS kept,
       coalesce(counted.count, 0) AS counted
     FROM jobs_in_progress AS kept FULL JOIN counted ON kept.account_id = counted.account_id
     WHERE coalesce(kept.count, 0) <> coalesce(counted.count, 0)`,
  );
  for (const { account, kept, counted } of wrong.iterate()) {
    const message = `the account ${account} has ${counted} jobs in progress, but ${kept} are counted`;
    verification.found({ code: "job-counts", message });
  }
}
