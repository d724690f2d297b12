import { s3RequestsUsd, uploadRequestsUsd } from "../pricing/estimate.ts";
import type { RegionPrices } from "../pricing/price-table.ts";
import type { VaultStatistics } from "./vault-statistics.ts";

/** Where the copies would go. */
export interface TargetSpace {
  readonly url: string;
  readonly kind: "folder" | "s3" | "vault";
  /** Null if the target does not say. */
  readonly freeBytes: number | null;
}

export interface TargetPlan extends TargetSpace {
  readonly neededBytes: number;
  /** Requests that store the copies; 0 for a folder. */
  readonly requests: number;
  /** Null if prices are not known. */
  readonly requestsUsd: number | null;
  /** Null if the free room is not known. */
  readonly fits: boolean | null;
}

export function targetPlanOf(target: TargetSpace, contents: VaultStatistics, prices: RegionPrices | null): TargetPlan {
  const { kind, freeBytes } = target;
  const neededBytes = contents.bytes;
  const requests = kind === "folder" ? 0 : (contents.details?.uploadRequests ?? contents.archives);
  const price = { folder: () => 0, s3: s3RequestsUsd, vault: uploadRequestsUsd }[kind];
  return {
    ...target,
    neededBytes,
    requests,
    requestsUsd: prices === null ? null : price(prices, requests),
    fits: freeBytes === null ? null : freeBytes >= neededBytes,
  };
}

/** Returns the requests that store an archive: one, or those of a multipart upload, which starts, sends parts and completes. */
export function uploadRequestsOf(sizeBytes: number): number {
  return sizeBytes <= partBytes ? 1 : Math.ceil(sizeBytes / partSizeOf(sizeBytes)) + 2;
}

const partBytes = 64 * 1024 ** 2;
const partsMax = 10_000;

function partSizeOf(sizeBytes: number): number {
  return Math.max(partBytes, Math.ceil(sizeBytes / partsMax));
}
