import { type FileHandle, open } from "node:fs/promises";
import { GetJobOutputCommand, type GlacierClient } from "@aws-sdk/client-glacier";
import { type Digest, leafSizeBytes, toHex } from "@moraine/protocol";
import { alignedSize, joinedTreeHash, RunningTreeHash } from "./content.ts";
import { inParallel } from "./in-parallel.ts";
import type { Progress } from "./progress.ts";
import { assertSame } from "./upload.ts";

export const rangesAtOnce = 8;

export interface JobOutput {
  readonly vaultName: string;
  readonly jobId: string;
  readonly sizeBytes: number;
}

export interface Download {
  readonly ranges: number;
  readonly rangeSizeBytes: number;
  /** The number of ranges that had a checksum. Each matched. */
  readonly checked: number;
  /** The tree hash of all the bytes that were received. */
  readonly treeHash: string;
}

/**
 * Downloads an output in ranges, several at a time, into one file. All ranges have the same power of two of MiB, the last
 * one the rest: so each is a node of the archive's tree, and comes with its own checksum.
 */
export async function downloadInRanges(
  client: GlacierClient,
  output: JobOutput,
  path: string,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Download> {
  const { sizeBytes } = output;
  const rangeSizeBytes = rangeSizeOf(sizeBytes);
  const starts = Array.from({ length: Math.ceil(sizeBytes / rangeSizeBytes) }, (_, index) => index * rangeSizeBytes);
  const roots: Digest[] = [];
  let checked = 0;
  await using file = await open(path, "wx");
  await inParallel(starts, rangesAtOnce, async (firstByte, index) => {
    const length = Math.min(rangeSizeBytes, sizeBytes - firstByte);
    const { checksum, root } = await downloadRange(client, output, file, {
      range: `bytes=${firstByte}-${firstByte + length - 1}`,
      firstByte,
      length,
      onBytes: progress.bar(`range ${String(index + 1).padStart(2)}`, length),
      signal,
    });
    if (checksum !== undefined) {
      assertSame(`the checksum of range ${index + 1}`, toHex(root), checksum);
      checked += 1;
    }
    roots[index] = root;
  });
  return { ranges: starts.length, rangeSizeBytes, checked, treeHash: joinedTreeHash(roots) };
}

/** Eight ranges, or a few more where the size is no power of two. */
function rangeSizeOf(sizeBytes: number): number {
  const least = alignedSize(sizeBytes / rangesAtOnce);
  return least * rangesAtOnce > sizeBytes && least > leafSizeBytes ? least / 2 : least;
}

interface Range {
  readonly range: string;
  readonly firstByte: number;
  readonly length: number;
  onBytes(bytes: number): void;
  readonly signal: AbortSignal;
}

async function downloadRange(
  client: GlacierClient,
  { vaultName, jobId }: JobOutput,
  file: FileHandle,
  { range, firstByte, length, onBytes, signal }: Range,
): Promise<{ checksum: string | undefined; root: Digest }> {
  const command = new GetJobOutputCommand({ accountId: "-", vaultName, jobId, range });
  const { body, checksum, status } = await client.send(command, { abortSignal: signal });
  assertSame("the status of a ranged answer", status, 206);
  const tree = new RunningTreeHash();
  let position = firstByte;
  for await (const leaf of leavesOf(body as AsyncIterable<Buffer>)) {
    tree.update(leaf);
    await file.write(leaf, 0, leaf.length, position);
    position += leaf.length;
    onBytes(leaf.length);
    signal.throwIfAborted();
  }
  assertSame("the length of the answer", position - firstByte, length);
  return { checksum, root: tree.root() };
}

/** The same bytes in pieces of a MiB, each in the same memory: it is taken again for the next. */
async function* leavesOf(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const leaf = Buffer.allocUnsafe(leafSizeBytes);
  let filled = 0;
  for await (const piece of body) {
    for (let rest = piece; rest.length > 0; ) {
      const taken = rest.copy(leaf, filled);
      filled += taken;
      rest = rest.subarray(taken);
      if (filled === leaf.length) {
        yield leaf;
        filled = 0;
      }
    }
  }
  if (filled > 0) {
    yield leaf.subarray(0, filled);
  }
}
