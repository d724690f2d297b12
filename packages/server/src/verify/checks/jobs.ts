import { packKey } from "../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../storage/metadata/tables/rows.ts";
import type { JobRow, SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";

const pageRows = 200;

/** Jobs' columns are those of their state, and inventories that are ready have their document. */
export async function checkJobs(verification: Verification): Promise<void> {
  await verification.eachRow<JobRow>({ table: "jobs", columns: "jobs.*", pageRows }, (row) =>
    findingsOf(verification, row),
  );
  await checkCounts(verification);
}

async function findingsOf({ rows, place }: Verification, row: JobRow): Promise<Finding[]> {
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
  const [segment] = (await rows.select("SELECT * FROM segments WHERE name = $1", [
    packKey(row.output_key),
  ])) as unknown as SegmentRow[];
  const isWhole =
    segment !== undefined &&
    (segment.state === "live" || segment.state === "suspect") &&
    keyOf(segment) === row.output_key &&
    row.output_key.includes(`/${row.id}.`) &&
    segment.size_bytes === row.output_size_bytes;
  const message = "the segment of the inventory's document is missing, or another one";
  return isWhole ? [] : [{ code: "job-output", message, job, ...place.segments.subjectOf(row.output_key) }];
}

async function checkCounts({ rows, found }: Verification): Promise<void> {
  const wrong = await rows.select(
    `WITH counted AS (SELECT account_id, count(*) AS count FROM jobs WHERE state = 'in_progress' GROUP BY account_id)
     SELECT coalesce(kept.account_id, counted.account_id) AS account, coalesce(kept.count, 0) AS kept,
       coalesce(counted.count, 0) AS counted
     FROM jobs_in_progress AS kept FULL JOIN counted ON kept.account_id = counted.account_id
     WHERE coalesce(kept.count, 0) <> coalesce(counted.count, 0)`,
    [],
  );
  for (const { account, kept, counted } of wrong) {
    const message = `the account ${account} has ${counted} jobs in progress, but ${kept} are counted`;
    found({ code: "job-counts", message });
  }
}
