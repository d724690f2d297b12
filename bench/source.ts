import { createHash, hash, randomFillSync } from "node:crypto";
import { LeafHasher, leafSizeBytes, TreeHasher, toHex } from "@moraine/protocol";

/** Bytes to send, with the hashes that a client sends along; made before the clock runs. */
export interface Content {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly treeHash: string;
}

export const sourceSizeBytes = 256 * 1024 ** 2;

export function randomBytes(sizeBytes: number): Buffer {
  return randomFillSync(Buffer.allocUnsafeSlow(sizeBytes));
}

export function contentOf(bytes: Buffer): Content {
  return { bytes, ...hashTwice(bytes) };
}

/**
 * Both hashes of some bytes, on this thread: whoever takes an archive must at least compute these, so the time it takes
 * is a limit that no server on one core goes below.
 */
export function hashTwice(bytes: Buffer): { sha256: string; treeHash: string } {
  const linear = createHash("sha256");
  const tree = new TreeHasher(sha256);
  const leaves = new LeafHasher({ of: sha256, start: () => createHash("sha256") }, (leaf) => tree.push(leaf));
  for (let start = 0; start < bytes.length; start += leafSizeBytes) {
    const piece = bytes.subarray(start, start + leafSizeBytes);
    linear.update(piece);
    leaves.update(piece);
  }
  leaves.end();
  return { sha256: linear.digest("hex"), treeHash: toHex(tree.root()) };
}

/** Splits the bytes into `count` contents of equal length. */
export function slicesOf(bytes: Buffer, count: number): Content[] {
  const sizeBytes = bytes.length / count;
  return Array.from({ length: count }, (_, index) =>
    contentOf(bytes.subarray(index * sizeBytes, (index + 1) * sizeBytes)),
  );
}

const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");
