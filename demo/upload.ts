import { open } from "node:fs/promises";
import {
  CompleteMultipartUploadCommand,
  type GlacierClient,
  InitiateMultipartUploadCommand,
  UploadMultipartPartCommand,
} from "@aws-sdk/client-glacier";
import { type Digest, limits, toHex } from "@moraine/protocol";
import { alignedSize, joinedTreeHash, RunningTreeHash, readFully } from "./content.ts";
import { inParallel } from "./in-parallel.ts";

const partsWanted = 16;
/** Parts are held in memory, so they grow beyond this only when there would be too many of them. */
const partSizeBytesMax = 16 * 1024 ** 2;
const partsAtOnce = 3;

export interface Source {
  readonly path: string;
  readonly sizeBytes: number;
}

export interface Upload {
  readonly archiveId: string;
  /** As computed here, and found the same by the server. */
  readonly treeHash: string;
}

export function partSizeOf(sizeBytes: number): number {
  const least = alignedSize(sizeBytes / limits.partCountMax);
  return Math.max(least, Math.min(alignedSize(sizeBytes / partsWanted), partSizeBytesMax));
}

/** Uploads a file in parts, a few at a time. The SDK hashes each part too, and the server a third time: all must agree. */
export async function uploadInParts(
  client: GlacierClient,
  vaultName: string,
  { path, sizeBytes }: Source,
  { onBytes, signal }: { onBytes(bytes: number): void; signal: AbortSignal },
): Promise<Upload> {
  const to = { accountId: "-", vaultName };
  const options = { abortSignal: signal };
  const partSizeBytes = partSizeOf(sizeBytes);
  const initiated = await client.send(
    new InitiateMultipartUploadCommand({ ...to, partSize: String(partSizeBytes), archiveDescription: "npm run demo" }),
    options,
  );
  const { uploadId } = initiated;
  const parts = Array.from({ length: Math.ceil(sizeBytes / partSizeBytes) }, (_, index) => index * partSizeBytes);
  const roots: Digest[] = [];
  await using file = await open(path);
  await inParallel(parts, partsAtOnce, async (firstByte, index) => {
    const body = await readFully(file, Buffer.allocUnsafe(Math.min(partSizeBytes, sizeBytes - firstByte)), firstByte);
    const tree = new RunningTreeHash();
    tree.update(body);
    const root = tree.root();
    const range = `bytes ${firstByte}-${firstByte + body.length - 1}/*`;
    const { checksum } = await client.send(new UploadMultipartPartCommand({ ...to, uploadId, range, body }), options);
    assertSame(`the tree hash of part ${index}`, checksum, toHex(root));
    roots[index] = root;
    onBytes(body.length);
  });
  const treeHash = joinedTreeHash(roots);
  const { archiveId, checksum } = await client.send(
    new CompleteMultipartUploadCommand({ ...to, uploadId, archiveSize: String(sizeBytes), checksum: treeHash }),
    options,
  );
  assertSame("the tree hash of the archive", checksum, treeHash);
  return { archiveId: archiveId ?? "", treeHash };
}

export function assertSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) {
    throw new Error(`${what} is ${String(found)}, not ${String(expected)}`);
  }
}
