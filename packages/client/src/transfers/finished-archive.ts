import { lstat, open } from "node:fs/promises";
import { type GlacierJobDescription, leafSizeBytes } from "@moraine/protocol";
import type { GlacierClient } from "../glacier-client.ts";
import { DigestPool } from "./digest-pool.ts";
import type { DownloadResult } from "./download-job-output.ts";
import { never } from "./events.ts";
import { isThere } from "./final-name.ts";
import { findJob, type JobCriteria } from "./find-job.ts";
import { inParallel } from "./in-parallel.ts";
import type { JobNote } from "./job-note.ts";
import { combinedTreeHash } from "./part-digest.ts";
import { type PlannedRange, planRanges } from "./ranges.ts";
import { TargetExistsError } from "./transfer-errors.ts";

interface ExistingTarget {
  readonly path: string;
  readonly sizeBytes: number;
}

interface FinishedOptions {
  readonly target: string;
  readonly overwrite?: boolean | undefined;
  readonly skipExisting?: boolean | undefined;
  /** Of the archive, where the caller knows it. */
  readonly treeHash?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of an archive without its bytes. The size is null where only the hash is known. */
interface ArchiveFacts {
  readonly sizeBytes: number | null;
  readonly treeHash: string;
}

/**
 * Returns the result of an earlier run, when the target is the archive already; null when there is something to do. Throws
 * TargetExistsError for a file with other content that is not to be overwritten. No job is started to find out.
 *
 * @param unfinished the files that an unfinished download has next to its target: with one of them it is not finished.
 */
export async function finishedArchive(
  client: GlacierClient,
  criteria: JobCriteria,
  note: JobNote,
  { target, overwrite = false, skipExisting = false, treeHash, signal = never }: FinishedOptions,
  unfinished: readonly string[],
): Promise<DownloadResult | null> {
  const stats = await lstat(target).catch(() => null);
  if (!stats?.isFile() || (await anyExists(unfinished))) {
    return null;
  }
  const existing = { path: target, sizeBytes: stats.size };
  const isHashEnough = treeHash !== undefined && !skipExisting;
  const facts = isHashEnough ? { sizeBytes: null, treeHash } : await factsByJobs(client, criteria, note, signal);
  const verifiedBy = skipExisting ? judgeBySize(existing, facts) : await judge(existing, facts, signal);
  if (verifiedBy !== null) {
    await note.forget();
    const totals = { transferredBytes: 0, repeatedBytes: 0, resumedBytes: 0 };
    const { sizeBytes } = existing;
    const known = verifiedBy === "whole" ? (facts?.treeHash ?? null) : null;
    return { ...totals, sizeBytes, treeHash: known, verifiedBy, alreadyComplete: true };
  }
  if (overwrite) {
    return null;
  }
  const problem =
    facts === null
      ? "exists, and no job tells the archive's tree hash to compare it with"
      : "exists, and its content is not the archive's";
  throw new TargetExistsError(`${target} ${problem}; it is overwritten only when asked`);
}

/** By any job for the archive, whatever its state: each tells the size and the tree hash of the whole. Null when there is none. */
async function factsByJobs(
  client: GlacierClient,
  criteria: JobCriteria,
  note: JobNote,
  signal: AbortSignal,
): Promise<ArchiveFacts | null> {
  const { ArchiveId: archiveId } = criteria.jobParameters;
  let facts: ArchiveFacts | null = null;
  const onListed = (job: GlacierJobDescription) => {
    const { ArchiveId, ArchiveSizeInBytes: sizeBytes, ArchiveSHA256TreeHash: treeHash } = job;
    if (ArchiveId === archiveId && sizeBytes && treeHash) {
      facts ??= { sizeBytes, treeHash };
    }
  };
  const noted = await note.job(client, signal);
  if (noted !== null) {
    onListed(noted.description);
  }
  if (facts === null) {
    await findJob(client, { ...criteria, onListed }, signal);
  }
  return facts;
}

/** By the name alone, where no job tells the size. */
function judgeBySize({ sizeBytes }: ExistingTarget, facts: ArchiveFacts | null): "size" | "nothing" | null {
  if (facts === null) {
    return "nothing";
  }
  return facts.sizeBytes === sizeBytes ? "size" : null;
}

async function judge(
  existing: ExistingTarget,
  facts: ArchiveFacts | null,
  signal: AbortSignal,
): Promise<"whole" | null> {
  const mayBeSame = facts !== null && (facts.sizeBytes ?? existing.sizeBytes) === existing.sizeBytes;
  return mayBeSame && (await treeHashOfFile(existing, signal)) === facts.treeHash.toLowerCase() ? "whole" : null;
}

const rangeSizeBytes = 16 * leafSizeBytes;
const concurrency = 4;

/** Null for an empty file, which has none. */
async function treeHashOfFile({ path, sizeBytes }: ExistingTarget, signal: AbortSignal): Promise<string | null> {
  if (sizeBytes === 0) {
    return null;
  }
  await using file = await open(path, "r");
  await using pool = new DigestPool();
  const ranges = planRanges({ firstByte: 0, lastByte: sizeBytes - 1 }, sizeBytes, rangeSizeBytes);
  const hashes: string[] = [];
  const digest = async ({ index, firstByte, lastByte }: PlannedRange) => {
    hashes[index] = (await pool.ofFile({ fd: file.fd, firstByte, lastByte }, "tree")).treeHash;
  };
  await inParallel(ranges, concurrency, digest, signal);
  return combinedTreeHash(hashes);
}

async function anyExists(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.all(paths.map((path) => isThere(path)));
  return found.includes(true);
}
