import { s3RequestsUsd, uploadRequestsUsd } from "../pricing/estimate.ts";
import type { RegionPrices } from "../pricing/price-table.ts";
import { inMemoryBytesMax, partSizeFor } from "../targets/parts/part-size.ts";
import type { UploadCounts, VaultStatistics } from "./vault-statistics.ts";

/** Where the copies would go. */
export interface TargetSpace {
  readonly url: string;
  /** A vault of AWS takes more requests: it does not recognise one that is repeated, so all uploads are in parts. */
  readonly kind: "folder" | "s3" | "vault" | "aws-vault";
  /** Null if the target does not say. */
  readonly freeBytes: number | null;
}

export interface TargetPlan extends TargetSpace {
  readonly neededBytes: number;
  /** Requests for the copies; 0 for a folder. Those of the manifest are few, and not counted. */
  readonly requests: number;
  /** Null if prices are not known. */
  readonly requestsUsd: number | null;
  /** Null if the free room is not known. */
  readonly fits: boolean | null;
}

export function targetPlanOf(target: TargetSpace, contents: VaultStatistics, prices: RegionPrices | null): TargetPlan {
  const { kind, freeBytes } = target;
  const neededBytes = contents.bytes;
  const requests = requestsOf[kind](contents.details?.uploads ?? uploadsOfEqual(contents));
  return {
    ...target,
    neededBytes,
    requests: requests.writes + requests.reads,
    requestsUsd: prices === null ? null : requestsUsd(prices, kind, requests),
    fits: freeBytes === null ? null : freeBytes >= neededBytes,
  };
}

/** Counts one more archive. */
export function plusUpload({ inOneRequest, inParts, parts }: UploadCounts, sizeBytes: number): UploadCounts {
  return sizeBytes <= inMemoryBytesMax
    ? { inOneRequest: inOneRequest + 1, inParts, parts }
    : { inOneRequest, inParts: inParts + 1, parts: parts + Math.ceil(sizeBytes / partSizeFor(sizeBytes)) };
}

/** Returns the counts as if all archives had the same size: without a catalogue nothing else is known. */
function uploadsOfEqual({ archives, bytes }: VaultStatistics): UploadCounts {
  const one = plusUpload({ inOneRequest: 0, inParts: 0, parts: 0 }, archives === 0 ? 0 : bytes / archives);
  return {
    inOneRequest: one.inOneRequest * archives,
    inParts: one.inParts * archives,
    parts: one.parts * archives,
  };
}

interface Requests {
  readonly writes: number;
  /** Cheaper ones, which write nothing. */
  readonly reads: number;
}

const requestsOf: Readonly<Record<TargetSpace["kind"], (uploads: UploadCounts) => Requests>> = {
  folder: () => ({ writes: 0, reads: 0 }),
  // Each object is looked for when its job is requested and when it is stored, and looked at afterwards. In parts it takes a start, an end,
  // two lists of unfinished uploads, another look before the end, and is read back.
  s3: ({ inOneRequest, inParts, parts }) => ({
    writes: inOneRequest + parts + 4 * inParts,
    reads: 3 * inOneRequest + 5 * inParts,
  }),
  vault: ({ inOneRequest, inParts, parts }) => ({ writes: inOneRequest + parts + 2 * inParts, reads: 0 }),
  "aws-vault": ({ inOneRequest, inParts, parts }) => ({ writes: 3 * inOneRequest + parts + 2 * inParts, reads: 0 }),
};

function requestsUsd(prices: RegionPrices, kind: TargetSpace["kind"], requests: Requests): number {
  return kind === "s3" ? s3RequestsUsd(prices, requests) : uploadRequestsUsd(prices, requests.writes);
}
