import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog } from "../catalog/catalog.ts";
import { missingByteDaysOf } from "../pricing/estimate.ts";
import { NameCounter } from "./name-counter.ts";
import { SizeSteps } from "./size-steps.ts";
import { plusUpload } from "./target-plan.ts";
import type { UploadCounts, VaultStatistics } from "./vault-statistics.ts";

/** Names that are looked at without a pause: some ten milliseconds. */
const sliceLength = 500;

export interface StatisticsOptions {
  readonly asOf: Date | null;
  readonly now: Date;
  /** Bytes that may be retrieved an hour; null for no limit. */
  readonly retrievalPerHour: number | null;
  /** The unit in which files take room at the target. */
  readonly blockBytes: number;
  readonly signal: AbortSignal;
}

/** Counts the archives of a catalogue in one pass, in memory that does not grow with them. */
export async function collectStatistics(
  { archives }: Pick<Catalog, "archives">,
  { asOf, now, retrievalPerHour, blockBytes, signal }: StatisticsOptions,
): Promise<VaultStatistics> {
  using names = new NameCounter();
  const sizes = new SizeSteps();
  const early = { archives: 0, missingByteDays: 0 };
  const overHourlyLimit = { archives: 0, bytes: 0 };
  let uploads: UploadCounts = { inOneRequest: 0, inParts: 0, parts: 0 };
  let [count, bytes, bytesInBlocks] = [0, 0, 0];
  for await (const batch of archives.inOrderOfCreation()) {
    for (let at = 0; at < batch.length; at += sliceLength) {
      signal.throwIfAborted();
      names.add(batch.slice(at, at + sliceLength));
      await nextTurn();
    }
    for (const { sizeBytes, createdAt } of batch) {
      count += 1;
      bytes += sizeBytes;
      bytesInBlocks += Math.ceil(sizeBytes / blockBytes) * blockBytes;
      sizes.add(sizeBytes);
      uploads = plusUpload(uploads, sizeBytes);
      const missingByteDays = missingByteDaysOf({ sizeBytes, createdAt }, now);
      early.archives += missingByteDays > 0 ? 1 : 0;
      early.missingByteDays += missingByteDays;
      if (sizeBytes > (retrievalPerHour ?? Number.POSITIVE_INFINITY)) {
        overHourlyLimit.archives += 1;
        overHourlyLimit.bytes += sizeBytes;
      }
    }
  }
  const nameStatistics = await names.statistics((number) => archives.byNumber(number)?.path ?? "");
  return {
    asOf,
    archives: count,
    bytes,
    details: {
      ...{ sizes: sizes.steps(), largestBytes: sizes.largestBytes, names: nameStatistics },
      ...{ early, overHourlyLimit, bytesInBlocks, uploads },
    },
  };
}
