import { hash } from "node:crypto";
import { type Digest, leafCount, type TreeHash } from "@moraine/protocol";
import { CorruptSegmentError, type Segment, type SegmentKind } from "../domain/segment.ts";
import type { Instant } from "../domain/time/instant.ts";

/**
 * The end of a segment's file, after its bytes: so that a lost database could be rebuilt, a swapped file is noticed, and ranges
 * are checked without reading everything. docs/storage-format.md draws it.
 */
export interface Footer {
  /** Undefined in files of versions that did not write it. */
  readonly kind?: SegmentKind | undefined;
  readonly ownerId: string;
  readonly vaultArn: string;
  /** The archive's: it is where people keep the names of their files. */
  readonly description: string;
  readonly storedAt: Instant;
  readonly firstByte: number;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
  /** One SHA-256 for each MiB, joined. */
  readonly leaves: Uint8Array;
}

const magic = Buffer.from("MORSEG01");
export const digestLength = 32;
/** Total length and magic again, so that the footer is found from the end of a file alone. */
export const footerTailLength = 4 + magic.length;
const descriptorLengthMax = 4096;
/** Length of a footer without its descriptor and its leaves. */
const fixedLength = magic.length + 4 + digestLength + footerTailLength;

/** The most that a footer adds to a segment of this size. */
export function footerSizeMax(sizeBytes: number): number {
  return fixedLength + descriptorLengthMax + leafCount(sizeBytes) * digestLength;
}

export function encodeFooter({ leaves, ...descriptor }: Footer): Uint8Array {
  const text = Buffer.from(JSON.stringify(descriptor));
  const body = Buffer.concat([magic, uint32(text.length), text, leaves]);
  const length = body.length + digestLength + footerTailLength;
  return Buffer.concat([body, sha256(body), uint32(length), magic]);
}

/**
 * Reads a footer back. Throws CorruptSegmentError unless it is complete and has exactly the length of a footer with this
 * descriptor and the leaves of a segment of this size.
 * @param key names the segment in the error.
 */
export function decodeFooter(bytes: Buffer, { key, sizeBytes }: Pick<Segment, "key" | "sizeBytes">): Footer {
  const bodyLength = bytes.length - digestLength - footerTailLength;
  const descriptorLength = bytes.length - fixedLength - leafCount(sizeBytes) * digestLength;
  const isComplete =
    descriptorLength > 0 &&
    descriptorLength <= descriptorLengthMax &&
    bytes.subarray(0, magic.length).equals(magic) &&
    bytes.readUInt32BE(magic.length) === descriptorLength &&
    bytes.subarray(-magic.length).equals(magic) &&
    bytes.readUInt32BE(bytes.length - footerTailLength) === bytes.length &&
    sha256(bytes.subarray(0, bodyLength)).equals(bytes.subarray(bodyLength, bodyLength + digestLength));
  if (!isComplete) {
    throw new CorruptSegmentError(key, "its footer is not complete, or not that of a segment of its size");
  }
  const descriptorEnd = magic.length + 4 + descriptorLength;
  const descriptor = decodeDescriptor(bytes.toString("utf8", magic.length + 4, descriptorEnd), key);
  return { ...descriptor, leaves: bytes.subarray(descriptorEnd, bodyLength) };
}

function decodeDescriptor(text: string, key: string): Omit<Footer, "leaves"> {
  try {
    const descriptor: unknown = JSON.parse(text);
    if (typeof descriptor === "object" && descriptor !== null) {
      return descriptor as Omit<Footer, "leaves">;
    }
  } catch (error) {
    throw new CorruptSegmentError(key, "the descriptor in its footer is no JSON", { cause: error });
  }
  throw new CorruptSegmentError(key, "the descriptor in its footer is no object");
}

/** Returns a footer's length by the last bytes of its file; null when they are no end of a footer. */
export const footerLengthAt = (tail: Buffer): number | null =>
  tail.subarray(4).equals(magic) ? tail.readUInt32BE(0) : null;

/** The hash of the MiB at `index` in the segment. */
export function leafAt(footer: Footer, index: number): Digest {
  return footer.leaves.subarray(index * digestLength, (index + 1) * digestLength);
}

export const sha256 = (bytes: Uint8Array): Buffer => hash("sha256", bytes, "buffer");

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
