import { readFileSync } from "node:fs";
import { openedRowKey } from "../../auth/keyring.ts";
import { CannotVerifyError, type OpenOptions } from "../open-folder.ts";
import type { Report } from "../report.ts";
import { dataKeysOf } from "../sealing-key.ts";
import { objectsIn } from "../segment-store.ts";
import { type VerifyOptions, verifyPlace } from "../verify-place.ts";
import { type BucketPlace, openBucketPlace } from "./open-bucket-place.ts";
import type { PlaceArguments } from "./place-arguments.ts";

/** Checks a cluster, or a data folder whose archives are in a bucket. Returns how many findings it reported; throws when it cannot check. */
export async function verifyBucket(
  given: PlaceArguments,
  options: OpenOptions & VerifyOptions,
  report: Report,
): Promise<number> {
  await using place = await openBucketPlace(given, options);
  const { rows, folder } = place;
  if (folder === null) {
    await assertOpens(place, options.sealingKeyFile ?? null);
  }
  const source = folder?.source ?? `read from ${rows.name}, whose nodes may run`;
  // One wrong response of the store is no damage either.
  const isRunning = true;
  const verified = { rows, segments: objectsIn(place), folder, isRunning, source };
  return await verifyPlace(verified, { ...options, mirror: { state: "none" } }, report);
}

/** A data folder has its own key, and says so; that of a cluster is whatever the operator gave. */
async function assertOpens({ rows }: BucketPlace, sealingKeyFile: string | null): Promise<void> {
  if (sealingKeyFile === null) {
    return;
  }
  const sealingKey = readFileSync(sealingKeyFile);
  const dataKeys = await dataKeysOf(rows);
  try {
    openedRowKey(dataKeys, sealingKey);
  } catch (error) {
    throw new CannotVerifyError(
      `${sealingKeyFile} does not open the secrets of ${rows.name}: give the file that its nodes have as --sealing-key`,
      { cause: error },
    );
  }
}
