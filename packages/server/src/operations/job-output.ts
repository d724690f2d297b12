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
import type { ArchiveRetrievalJob, InventoryRetrievalJob } from "../domain/jobs/job.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { type BytesOwner, ownerOf } from "../domain/vaults/damage.ts";
import { archiveSegments } from "../segments/archive-segments.ts";
import type { SegmentPages } from "../segments/coverage.ts";
import { freshSegments } from "../segments/open.ts";
import { rangeTreeHash } from "../segments/range-tree-hash.ts";
import { readVerified } from "../segments/read.ts";
import type { HandlerOutput, OutgoingBytes, Services, VaultCall, VaultHandler } from "./context.ts";
import { requireJob } from "./requests/require-job.ts";

/** Returns the output or a range of it; ranges count from the first byte of the job's own range (docs/wire.md#job-output). */
export const getJobOutput: VaultHandler<"GetJobOutput"> = async (services, { jobId, range: header }, call) => {
  const job = await requireJob(services, call, jobId);
  if (job.state !== "succeeded") {
    throw errors.jobNotReady(jobId);
  }
  return job.action === "ArchiveRetrieval"
    ? archiveOutput(services, job, header, call)
    : inventoryOutput(services, job, header, call);
};

async function archiveOutput(
  services: Services,
  job: ArchiveRetrievalJob,
  header: string | undefined,
  { key: vault }: VaultCall,
): Promise<HandlerOutput<"GetJobOutput">> {
  const asked = parseRangeHeader(header, rangeLength(job.range));
  const range = asked === undefined ? job.range : shift(asked, job.range.firstByte);
  const segmentsOf = (part: ByteRange) => archiveSegments(services.metadata, { archiveId: job.archiveId, range: part });
  const output = { owner: ownerOf(job, vault), range, segmentsOf };
  const segments = segmentsOf(range);
  const checksum = await reporting(services, output, async () => {
    await recheck(services, output);
    return checksumOf(services, job, segments, range);
  });
  return {
    ...answer(asked, rangeLength(job.range), "application/octet-stream"),
    checksum,
    archiveDescription: job.archiveDescription || undefined,
    body: outgoing(services, output, segments),
  };
}

async function inventoryOutput(
  services: Services,
  job: InventoryRetrievalJob,
  header: string | undefined,
  { key: vault }: VaultCall,
): Promise<HandlerOutput<"GetJobOutput">> {
  invariant(job.output !== null, "an inventory job that succeeded has an output");
  const { segmentKey, sizeBytes } = job.output;
  const asked = parseRangeHeader(header, sizeBytes);
  const range = asked ?? { firstByte: 0, lastByte: sizeBytes - 1 };
  const owner = { kind: "inventory", id: job.id, vault, description: "", sizeBytes } as const;
  const segment = await services.metadata.findSegment(segmentKey);
  const segments = segment === null ? [] : [[segment]];
  const output = { owner, range, segmentsOf: () => segments };
  await reporting(services, output, async () => {
    // An output's segment stays as long as its job, and holds the document from its first to its last byte.
    if (segment?.ownerId !== job.id || segment.firstByte !== 0 || segment.sizeBytes !== sizeBytes) {
      throw new CorruptSegmentError(null, `its row is not that of the output of job ${job.id}: ${segmentKey}`);
    }
    await recheck(services, output);
  });
  return {
    ...answer(asked, sizeBytes, inventoryContentType[job.format]),
    body: outgoing(services, output, segments),
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
 * The tree hash of exactly the bytes that are sent, when both the job's range and this one are nodes of the archive's tree;
 * otherwise none (docs/wire.md#job-output). It is computed from stored hashes.
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

/** The bytes of an archive or document that a response is made of. */
interface Output {
  readonly owner: BytesOwner;
  readonly range: ByteRange;
  segmentsOf(part: ByteRange): SegmentPages;
}

/** Refuses a range with known damage as a whole: a response that has started could only be cut off. */
function recheck(services: Services, { owner, range, segmentsOf }: Output): Promise<void> {
  const fromDisk = { ...services, segments: freshSegments(services.blobs) };
  return services.damage.recheck(owner.id, range, (part) => readVerified(fromDisk, segmentsOf(part), part));
}

function outgoing(services: Services, output: Output, segments: SegmentPages): OutgoingBytes {
  const { range } = output;
  const bytes = readVerified(services, segments, range);
  return { sizeBytes: rangeLength(range), stream: reportingDamage(services, output, bytes) };
}

async function* reportingDamage(
  services: Services,
  output: Output,
  bytes: AsyncGenerator<Uint8Array, void, void>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* bytes;
  } catch (error) {
    await services.damage.report(error, output.owner, output.range);
    throw error;
  }
}

async function reporting<Value>(services: Services, output: Output, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    await services.damage.report(error, output.owner, output.range);
    throw error;
  }
}

const shift = ({ firstByte, lastByte }: ByteRange, by: number): ByteRange => ({
  firstByte: firstByte + by,
  lastByte: lastByte + by,
});
