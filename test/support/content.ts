import { createCipheriv, hash } from "node:crypto";

// Bytes that can be made again from a number, and their hashes computed without the code under test.

const leafSizeBytes = 1024 ** 2;

/** The same seed and size give the same bytes; different seeds give bytes with nothing in common. */
export function contentOf(seed: number, sizeBytes: number): Buffer {
  const key = hash("sha256", `content ${seed}`, "buffer");
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}

export const sha256Of = (bytes: Uint8Array): string => hash("sha256", bytes);

/** The tree hash as the developer guide tells it, level by level. */
export function treeHashOf(bytes: Uint8Array): string {
  const leaves: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += leafSizeBytes) {
    leaves.push(hash("sha256", bytes.subarray(start, start + leafSizeBytes), "buffer"));
  }
  return rootOf(leaves);
}

/** The tree hash above leaves, or above the parts of an upload, all but the last of them full. */
export function rootOf(hashes: readonly Buffer[]): string {
  let level = hashes;
  while (level.length > 1) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, pair) => joined(below, 2 * pair));
  }
  return level[0]?.toString("hex") ?? "";
}

function joined(level: readonly Buffer[], at: number): Buffer {
  const [left, right] = [level[at], level[at + 1]];
  if (left === undefined) {
    throw new Error("a pair has a left half");
  }
  return right === undefined ? left : hash("sha256", Buffer.concat([left, right]), "buffer");
}
