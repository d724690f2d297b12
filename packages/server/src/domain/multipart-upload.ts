import {
  type ArchiveId,
  type ByteRange,
  errors,
  formatRange,
  fromHex,
  limits,
  rangeLength,
  rootOf,
  type Sha256,
  type TreeHash,
  toHex,
  type UploadId,
} from "@moraine/protocol";
import type { Instant } from "./instant.ts";
import { invariant } from "./invariant.ts";
import type { Segment } from "./segment.ts";

/** An upload is idle for this long before it may be reclaimed, counted from its last activity (contract 14.1). */
export const uploadIdleMilliseconds = 24 * 60 * 60 * 1000;

export interface MultipartUpload {
  readonly id: UploadId;
  readonly vaultId: string;
  /** The id that the archive will have: parts carry it in their footers from the start. */
  readonly archiveId: ArchiveId;
  readonly description: string;
  readonly partSizeBytes: number;
  readonly createdAt: Instant;
}

/** What the client says the finished archive is. */
export interface ArchiveClaim {
  readonly sizeBytes: number;
  /** As sent: it is echoed when it is refused. */
  readonly treeHash: string;
}

/** A part as its request announces it. */
export interface AnnouncedPart {
  readonly range: ByteRange;
  /** The Content-Range that said so, which errors echo. */
  readonly header: string;
  /** The Content-Length; null when there was none. */
  readonly sizeBytes: number | null;
}

/** Checks a part against its upload (contract 14.3); throws InvalidParameterValueException. */
export function assertPartFits(upload: MultipartUpload, { range, header, sizeBytes }: AnnouncedPart): void {
  const aligned = range.firstByte % upload.partSizeBytes === 0;
  if (!aligned || rangeLength(range) > upload.partSizeBytes) {
    throw errors.invalidContentRange(header);
  }
  if (sizeBytes !== null && sizeBytes !== rangeLength(range)) {
    throw errors.contentRangeMismatch(header, sizeBytes);
  }
  const partNumber = range.firstByte / upload.partSizeBytes + 1;
  if (partNumber > limits.partCountMax) {
    throw errors.tooManyParts(partNumber);
  }
}

/**
 * Joins the parts into the archive they claim to be, and returns its tree hash: parts are whole sub-trees, so their
 * roots combine and nothing is read again. Throws InvalidParameterValueException, and the upload stays open.
 */
export function assembleArchive(
  upload: MultipartUpload,
  parts: readonly Segment[],
  claim: ArchiveClaim,
  sha256: Sha256,
): TreeHash {
  assertContiguous(upload, parts);
  const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const treeHash = toHex(
    rootOf(
      parts.map((part) => fromHex(part.treeHash)),
      sha256,
    ),
  );
  assertClaimed({ sizeBytes, treeHash }, claim);
  return treeHash;
}

/** Throws InvalidParameterValueException unless the archive is what the client says it is. */
export function assertClaimed(archive: { sizeBytes: number; treeHash: TreeHash }, claim: ArchiveClaim): void {
  if (archive.sizeBytes !== claim.sizeBytes) {
    throw errors.invalidParameter(`Invalid x-amz-archive-size: ${claim.sizeBytes}`);
  }
  if (archive.treeHash !== claim.treeHash.toLowerCase()) {
    throw errors.invalidTreeHash(claim.treeHash);
  }
}

/** Parts come in order of their first byte. No gap from 0 on, and only the last may be short (contract 14.5). */
function assertContiguous(upload: MultipartUpload, parts: readonly Segment[]): void {
  if (parts.length === 0) {
    throw errors.invalidParameter(`The upload has no parts: ${upload.id}`);
  }
  parts.forEach((part, index) => {
    const expected = index * upload.partSizeBytes;
    invariant(part.firstByte >= expected, "parts are ordered and start at multiples of the part size");
    if (part.firstByte > expected) {
      const missing = { firstByte: expected, lastByte: part.firstByte - 1 };
      throw errors.invalidParameter(`The upload is missing the bytes ${formatRange(missing)}: ${upload.id}`);
    }
    if (index < parts.length - 1 && part.sizeBytes < upload.partSizeBytes) {
      const short = { firstByte: part.firstByte, lastByte: part.firstByte + part.sizeBytes - 1 };
      throw errors.invalidParameter(`The part ${formatRange(short)} is shorter than the part size: ${upload.id}`);
    }
  });
}
