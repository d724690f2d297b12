import type { OpenedFolder } from "../open-folder.ts";
import type { Verification } from "../verification.ts";

/** Trusted time only rises, so nothing in its row lies after it. */
export async function checkTrustedTime(verification: Verification, { database }: OpenedFolder): Promise<void> {
  const row = database
    .prepare(
      `SELECT high_water, boot_time, monotonic, boot_monotonic, unproven,
         high_water > 0 AND coalesce(boot_time <= high_water, 1) AND coalesce(boot_monotonic <= monotonic, 1)
           AND unproven >= 0 AS holds
       FROM trusted_time`,
    )
    .get();
  const vaults = Number(database.prepare("SELECT count(*) AS count FROM vaults").get()?.["count"]);
  if (row === undefined && vaults > 0) {
    verification.found({
      code: "trusted-time",
      message: "the trusted time is missing: policies would judge by any time",
    });
  } else if (row !== undefined && row["holds"] !== 1) {
    verification.found({
      code: "trusted-time",
      message: `the trusted time contradicts itself: ${JSON.stringify(row)}`,
    });
  }
}
