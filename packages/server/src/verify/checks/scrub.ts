import { scrubRangeCount } from "../../domain/stores/scrub-store.ts";
import { isPackedKey } from "../../storage/metadata/tables/packed.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";

const pageRows = 500;

/** The scrub's rows have no MAC. Where they are damaged, bytes may be read back later than they should be. */
export async function checkScrub(verification: Verification): Promise<void> {
  checkRowCounts(verification);
  const page = verification.database.prepare(
    `SELECT sequence AS at, name FROM scrub_queue WHERE sequence > ? ORDER BY sequence LIMIT ${pageRows}`,
  );
  // The segment itself may have been removed since.
  await verification.eachRow<{ readonly at: number; readonly name: unknown }>(page, ({ at, name }) =>
    isPackedKey(name) ? [] : [damaged(`row ${at} of the table scrub_queue names no segment`)],
  );
}

/** A server writes them a little after its first start, and then only changes them. */
function checkRowCounts({ database, found }: Verification): void {
  for (const [table, count] of [
    ["scrub", 1],
    ["scrub_ranges", scrubRangeCount],
  ] as const) {
    const actual = Number(database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.["count"]);
    if (actual !== 0 && actual !== count) {
      found(damaged(`the table ${table} has ${actual} rows instead of ${count}`));
    }
  }
  const { began } =
    database.prepare("SELECT (SELECT count(*) FROM scrub) = (SELECT count(*) > 0 FROM scrub_ranges) AS began").get() ??
    {};
  if (began !== 1) {
    found(damaged("of the tables scrub and scrub_ranges only one has rows"));
  }
}

const damaged = (message: string): Finding => ({ code: "database-damaged", message });
