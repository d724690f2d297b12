import { lstat, open } from "node:fs/promises";
import { type ByteRange, leafSizeBytes } from "@moraine/protocol";
import { neverAborted } from "../events.ts";
import { DigestPool } from "../hashing/digest-pool.ts";
import { combinedTreeHash } from "../hashing/part-digest.ts";
import { inParallel } from "../in-parallel.ts";
import { namesFor } from "./files/download-target.ts";
import { isThere } from "./files/final-name.ts";
import { type PlannedRange, planRanges } from "./ranges/ranges.ts";
import type { VerifiedBy } from "./verification.ts";

/** The facts of an output that are known without its bytes. The size is null where only the hash is known. */
export interface KnownOutput {
  readonly sizeBytes: number | null;
  readonly treeHash: string;
}

export interface ExistingTarget {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Returns a regular file that has the target's name and no unfinished download; else null. Null for a part of an output, which cannot be
 * recognised.
 */
export async function existingTarget(target: string, range: ByteRange | undefined): Promise<ExistingTarget | null> {
  const stats = await lstat(target).catch(() => null);
  if (!stats?.isFile() || range !== undefined) {
    return null;
  }
  const { partial, journal } = namesFor(target);
  const isUnfinished = (await isThere(partial)) || (await isThere(journal));
  return isUnfinished ? null : { path: target, sizeBytes: stats.size };
}

/** Whether the target has the output's size and tree hash. It is read only if its size is right. */
export async function hasContent(
  existing: ExistingTarget,
  { sizeBytes, treeHash }: KnownOutput,
  signal: AbortSignal = neverAborted,
): Promise<boolean> {
  const isSameSize = sizeBytes === null || sizeBytes === existing.sizeBytes;
  return isSameSize && (await treeHashOfFile(existing, signal)) === treeHash.toLowerCase();
}

export function completeResult({ sizeBytes }: ExistingTarget, verifiedBy: VerifiedBy, treeHash: string | null) {
  const totals = { transferredBytes: 0, repeatedBytes: 0, resumedBytes: 0 };
  return { ...totals, sizeBytes, treeHash, verifiedBy, alreadyComplete: true };
}

const rangeSizeBytes = 16 * leafSizeBytes;
const concurrency = 4;

/** Returns the tree hash of a file; null for an empty file, which has none. */
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
