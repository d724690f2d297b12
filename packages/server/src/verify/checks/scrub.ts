import { scrubRangeCount } from "../../domain/stores/scrub-store.ts";
import { isPackedKey } from "../../storage/metadata/tables/packed.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";

const pageRows = 500;

/** The scrub's rows have no MAC. Where they are damaged, bytes may be read back later than they should be. */
export async function checkScrub(verification: Verification): Promise<void> {
  await checkRowCounts(verification);
  // The segment itself may have been removed since.
  await verification.eachRow<{ readonly sequence: number; readonly name: unknown }>(
    { table: "scrub_queue", columns: "sequence, name", pageRows },
    ({ sequence, name }) =>
      isPackedKey(name) ? [] : [damaged(`row ${sequence} of the table scrub_queue names no segment`)],
  );
}

/** A server writes them a little after its first start, and then only changes them. */
async function checkRowCounts({ rows, found }: Verification): Promise<void> {
  const [counts] = await rows.select(
    "SELECT (SELECT count(*) FROM scrub) AS scrub, (SELECT count(*) FROM scrub_ranges) AS scrub_ranges",
    [],
  );
  for (const [table, count] of [
    ["scrub", 1],
    ["scrub_ranges", scrubRangeCount],
  ] as const) {
    const actual = Number(counts?.[table]);
    if (actual !== 0 && actual !== count) {
      found(damaged(`the table ${table} has ${actual} rows instead of ${count}`));
    }
  }
  if (Number(counts?.["scrub"]) !== Number(Number(counts?.["scrub_ranges"]) > 0)) {
    found(damaged("of the tables scrub and scrub_ranges only one has rows"));
  }
}

const damaged = (message: string): Finding => ({ code: "database-damaged", message });
