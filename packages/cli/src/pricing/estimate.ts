import {
  gigabyteBytes,
  minimumStorageDays,
  overheadBytes,
  type RegionPrices,
  type RetrievalTier,
} from "./price-table.ts";

/** Archives to retrieve, or to store. */
export interface Amount {
  readonly archives: number;
  readonly bytes: number;
}

export interface RetrievalCost {
  readonly requestsUsd: number;
  readonly bytesUsd: number;
  readonly totalUsd: number;
}

/** Returns what it costs to make archives available: one job for each. The transfer of their bytes is {@link egressUsd}. */
export function retrievalCost(prices: RegionPrices, tier: RetrievalTier, { archives, bytes }: Amount): RetrievalCost {
  const { perGb, perThousandRequests } = prices.retrieval[tier];
  const requestsUsd = thousands(archives) * perThousandRequests;
  const bytesUsd = gigabytes(bytes) * perGb;
  return { requestsUsd, bytesUsd, totalUsd: requestsUsd + bytesUsd };
}

/**
 * Returns what a transfer to the internet costs that is spread evenly over a time: the sum of its months, of which each has a free part and
 * begins at the dearest step again.
 *
 * @param seconds null if it is not known: then as if it were within a month
 */
export function transferUsd(prices: RegionPrices, bytes: number, seconds: number | null): number {
  const months = (seconds ?? 0) / monthSeconds;
  if (months <= 1) {
    return egressUsd(prices, bytes);
  }
  const wholeMonths = Math.floor(months);
  const bytesInMonth = bytes / months;
  return wholeMonths * egressUsd(prices, bytesInMonth) + egressUsd(prices, bytes - wholeMonths * bytesInMonth);
}

/** Returns what a month's transfer to the internet costs. */
export function egressUsd({ egress, egressFreeGb }: RegionPrices, bytesInMonth: number): number {
  const usedGb = gigabytes(bytesInMonth);
  let startGb = 0;
  let totalUsd = 0;
  for (const { upToGb, perGb } of egress) {
    const endGb = Math.min(usedGb, upToGb ?? Number.POSITIVE_INFINITY);
    const paidGb = endGb - Math.max(startGb, egressFreeGb);
    totalUsd += Math.max(0, paidGb) * perGb;
    startGb = upToGb ?? usedGb;
  }
  return totalUsd;
}

/**
 * Returns the fee for archives that are deleted before they have been stored for the minimum time.
 *
 * @param missingByteDays the sum of {@link missingByteDaysOf} the archives.
 */
export function earlyDeletionUsd({ storagePerGbMonth }: RegionPrices, missingByteDays: number): number {
  return (gigabytes(missingByteDays) / daysPerMonth) * storagePerGbMonth;
}

/** Returns how many days an archive lacks until its deletion has no fee. */
export function missingDaysOf(createdAt: Date, now: Date): number {
  const ageDays = (now.getTime() - createdAt.getTime()) / dayMilliseconds;
  return Math.min(minimumStorageDays, Math.max(0, minimumStorageDays - ageDays));
}

interface StoredArchive {
  readonly sizeBytes: number;
  readonly createdAt: Date;
}

/** Returns the bytes that are billed for an archive, its overhead included, times the days that it lacks until its deletion has no fee. */
export function missingByteDaysOf({ sizeBytes, createdAt }: StoredArchive, now: Date): number {
  return (sizeBytes + overheadBytes) * missingDaysOf(createdAt, now);
}

/** Returns what keeping archives in their vault costs each month, with the overhead of each. */
export function storageUsdPerMonth({ storagePerGbMonth }: RegionPrices, { archives, bytes }: Amount): number {
  return gigabytes(bytes + archives * overheadBytes) * storagePerGbMonth;
}

/** Returns what requests cost that store archives in another vault of AWS. */
export function uploadRequestsUsd({ uploadPerThousandRequests }: RegionPrices, requests: number): number {
  return thousands(requests) * uploadPerThousandRequests;
}

/** Returns what requests cost that store objects in S3, and look at them. */
export function s3RequestsUsd(
  { s3PutPerThousandRequests, s3GetPerThousandRequests = s3PutPerThousandRequests }: RegionPrices,
  { writes, reads }: { readonly writes: number; readonly reads: number },
): number {
  return thousands(writes) * s3PutPerThousandRequests + thousands(reads) * s3GetPerThousandRequests;
}

/** Returns the most that an inventory of this number of archives costs: its request, and the transfer of its document to the internet. */
export function inventoryUsd(prices: RegionPrices, archives: number): number {
  const nothingFree = { ...prices, egressFreeGb: 0 };
  return (
    thousands(1) * prices.inventoryPerThousandRequests + egressUsd(nothingFree, archives * inventoryBytesPerArchive)
  );
}

/** Users report 2.7 GiB for 7 million archives. */
const inventoryBytesPerArchive = 420;
const daysPerMonth = 30;
export const monthSeconds = daysPerMonth * 24 * 3600;
const dayMilliseconds = 24 * 3600 * 1000;

const gigabytes = (bytes: number) => bytes / gigabyteBytes;
const thousands = (requests: number) => requests / 1000;
