import {
  type ByteRange,
  errors,
  formatContentRange,
  type GetJobOutputOutput,
  inventoryContentType,
  isTreeHashAligned,
  parseRangeHeader,
  rangeLength,
  type TreeHash,
} from "@moraine/protocol";
import { invariant } from "../domain/invariant.ts";
import type { ArchiveRetrievalJob, InventoryRetrievalJob } from "../domain/job.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import type { SegmentPages } from "../segments/coverage.ts";
import { rangeTreeHash } from "../segments/range-tree-hash.ts";
import { readVerified } from "../segments/read.ts";
import type { Answer, OutgoingBytes, Services, VaultHandler } from "./context.ts";
import { requireJob } from "./require-job.ts";

/** The output whole, or a range of it; ranges count from the first byte of the job's own range (contract 16). */
export const getJobOutput: VaultHandler<"GetJobOutput"> = async (services, { jobId, range: header }, call) => {
  const job = await requireJob(services, call, jobId);
  if (job.state !== "succeeded") {
    throw errors.jobNotReady(jobId);
  }
  return job.action === "ArchiveRetrieval"
    ? archiveOutput(services, job, header)
    : inventoryOutput(services, job, header);
};

async function archiveOutput(
  services: Services,
  job: ArchiveRetrievalJob,
  header: string | undefined,
): Promise<Answer<"GetJobOutput">> {
  const asked = parseRangeHeader(header, rangeLength(job.range));
  const range = asked === undefined ? job.range : shift(asked, job.range.firstByte);
  const segments = archiveSegments(services.metadata, { archiveId: job.archiveId, range });
  const checksum = await checksumOf(services, job, segments, range).catch((error) => reportDamage(services, error));
  return {
    ...answer(asked, rangeLength(job.range), "application/octet-stream"),
    checksum,
    archiveDescription: job.archiveDescription || undefined,
    body: outgoing(services, segments, range),
  };
}

async function inventoryOutput(
  services: Services,
  job: InventoryRetrievalJob,
  header: string | undefined,
): Promise<Answer<"GetJobOutput">> {
  invariant(job.output !== null, "an inventory job that succeeded has an output");
  const { segmentKey, sizeBytes } = job.output;
  const asked = parseRangeHeader(header, sizeBytes);
  const segment = await services.metadata.findSegment(segmentKey);
  // An output's segment stays as long as its job, and holds the document from its first to its last byte.
  if (segment === null || segment.ownerId !== job.id || segment.firstByte !== 0 || segment.sizeBytes !== sizeBytes) {
    throw new CorruptSegmentError(null, `its row is not that of the output of job ${job.id}: ${segmentKey}`);
  }
  return {
    ...answer(asked, sizeBytes, inventoryContentType[job.format]),
    body: outgoing(services, [[segment]], asked ?? { firstByte: 0, lastByte: sizeBytes - 1 }),
  };
}

function answer(asked: ByteRange | undefined, totalBytes: number, contentType: string): GetJobOutputOutput {
  return {
    status: asked === undefined ? 200 : 206,
    contentRange: asked && formatContentRange(asked, totalBytes),
    acceptRanges: "bytes",
    contentType,
  };
}

/**
 * The tree hash of exactly the bytes that go out, when both the job's range and this one are nodes of the archive's tree;
 * otherwise none (contract 16.4). It comes from stored hashes.
 */
async function checksumOf(
  { segments: opener }: Services,
  job: ArchiveRetrievalJob,
  segments: SegmentPages,
  range: ByteRange,
): Promise<TreeHash | undefined> {
  const aligned = (candidate: ByteRange) => isTreeHashAligned(candidate, job.archiveSizeBytes);
  if (!aligned(job.range) || !aligned(range)) {
    return undefined;
  }
  // The job's row has the hash of all that it offers: it need not be joined again from up to 10,000 parts.
  return rangeLength(range) === rangeLength(job.range) && job.rangeTreeHash !== null
    ? job.rangeTreeHash
    : rangeTreeHash(opener, segments, range);
}

function outgoing(services: Services, segments: SegmentPages, range: ByteRange): OutgoingBytes {
  return { sizeBytes: rangeLength(range), stream: reportingDamage(services, readVerified(services, segments, range)) };
}

async function* reportingDamage(
  services: Services,
  bytes: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* bytes;
  } catch (error) {
    await reportDamage(services, error);
  }
}

/** A segment that proved damaged is marked, so that operators learn of it before the next reader does. */
async function reportDamage({ metadata }: Services, error: unknown): Promise<never> {
  if (error instanceof CorruptSegmentError && error.key !== null) {
    await metadata.suspectSegment(error.key);
  }
  throw error;
}

const shift = ({ firstByte, lastByte }: ByteRange, by: number): ByteRange => ({
  firstByte: firstByte + by,
  lastByte: lastByte + by,
});
