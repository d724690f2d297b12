import { type JobClaim, jobLanes } from "../../src/domain/jobs/job.ts";
import type { JobTurn, MetadataStore } from "../../src/domain/stores/metadata-store.ts";

/** Claims jobs of all lanes, in no account's turn and without a bound for accounts. */
export async function claimAll(
  store: Pick<MetadataStore, "claimJobs">,
  at: Pick<JobTurn, "now" | "leaseUntil" | "limit">,
): Promise<JobClaim[]> {
  const turn = { ...at, after: null, perAccountMax: at.limit, held: {} };
  return (await Promise.all(jobLanes.map((lane) => store.claimJobs({ ...turn, lane })))).flat();
}
