import { createHash, hash, randomFillSync } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type Digest, LeafHasher, leafSizeBytes, TreeHasher, toHex } from "@moraine/protocol";

const blockSizeBytes = 4 * 1024 ** 2;

/** A tree hash that grows with the bytes, leaf by leaf: what has been hashed need not stay. */
export class RunningTreeHash {
  readonly #tree = new TreeHasher(sha256);
  readonly #leaves = new LeafHasher({ of: sha256, start: () => createHash("sha256") }, (leaf) => this.#tree.push(leaf));

  update(bytes: Uint8Array): void {
    this.#leaves.update(bytes);
  }

  /** Ends the last leaf, which may be short. */
  root(): Digest {
    this.#leaves.end();
    return this.#tree.root();
  }
}

/** The tree hash of an archive from those of its runs, which all have the same power of two of leaves but the last. */
export function joinedTreeHash(roots: readonly Digest[]): string {
  const tree = new TreeHasher(sha256);
  for (const root of roots) {
    tree.push(root);
  }
  return toHex(tree.root());
}

/** The smallest power of two of MiB that is `sizeBytes` or more. */
export function alignedSize(sizeBytes: number): number {
  return leafSizeBytes * 2 ** Math.max(0, Math.ceil(Math.log2(sizeBytes / leafSizeBytes)));
}

/** Fills `into` from `position` on; less only at the end of the file. */
export async function readFully(file: FileHandle, into: Buffer, position: number): Promise<Buffer> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) {
      break;
    }
    done += bytesRead;
  }
  return into.subarray(0, done);
}

export async function writeRandomFile(path: string, sizeBytes: number): Promise<void> {
  await using file = await open(path, "wx");
  const block = Buffer.alloc(blockSizeBytes);
  for (let position = 0; position < sizeBytes; position += block.length) {
    await file.write(randomFillSync(block), 0, Math.min(block.length, sizeBytes - position));
  }
}

/** Compares two files byte for byte; resolves to where they first differ, roughly, or null. */
export async function firstDifference(
  path: string,
  otherPath: string,
  { onBytes, signal }: { onBytes(bytes: number): void; signal: AbortSignal },
): Promise<number | null> {
  await using file = await open(path);
  await using other = await open(otherPath);
  const [left, right] = [Buffer.alloc(blockSizeBytes), Buffer.alloc(blockSizeBytes)];
  for (let position = 0; ; ) {
    const [a, b] = await Promise.all([readFully(file, left, position), readFully(other, right, position)]);
    if (!a.equals(b)) {
      return position;
    }
    if (a.length === 0) {
      return null;
    }
    onBytes(a.length);
    signal.throwIfAborted();
    position += a.length;
  }
}

const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");
