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
  /** Files that the target can still have; null if it does not say, or has no limit. */
  readonly freeFiles: number | null;
  /** The unit in which files take room; null for a target without files. */
  readonly blockBytes: number | null;
}

/** The room of a target that does not say. */
export const noRoom = { freeBytes: null, freeFiles: null, blockBytes: null } as const;

export interface TargetPlan extends TargetSpace {
  /** For a folder with the manifest, and with files rounded up to whole blocks; without a catalogue the most that these can be. */
  readonly neededBytes: number;
  /** Requests for the copies; 0 for a folder. Those of the manifest are few, and not counted. */
  readonly requests: number;
  /** Null if prices are not known. */
  readonly requestsUsd: number | null;
  /** Whether the bytes and the files have room; null if the free bytes are not known. */
  readonly fits: boolean | null;
}

export function targetPlanOf(target: TargetSpace, contents: VaultStatistics, prices: RegionPrices | null): TargetPlan {
  const { kind, freeBytes, freeFiles } = target;
  const neededBytes = kind === "folder" ? bytesInFolder(contents, target) : contents.bytes;
  const requests = requestsOf[kind](contents.details?.uploads ?? uploadsOfEqual(contents));
  return {
    ...target,
    neededBytes,
    requests: requests.writes + requests.reads,
    requestsUsd: prices === null ? null : requestsUsd(prices, kind, requests),
    fits: hasFiles(freeFiles, contents) && (freeBytes === null ? null : freeBytes >= neededBytes),
  };
}

const hasFiles = (freeFiles: number | null, { archives }: VaultStatistics): boolean =>
  freeFiles === null || freeFiles >= archives;

function bytesInFolder({ archives, bytes, details }: VaultStatistics, { blockBytes }: TargetSpace): number {
  const inFiles = details?.bytesInBlocks ?? bytes + archives * (blockBytes ?? 0);
  return inFiles + archives * manifestBytesPerArchive;
}

/** The lines of an archive in MANIFEST.jsonl and SHA256SUMS, with a description and a path of usual lengths. */
const manifestBytesPerArchive = 600;

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
