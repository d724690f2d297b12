import {
  type ArchiveId,
  type ByteRange,
  errors,
  formatRange,
  fromHex,
  limits,
  rangeLength,
  type Sha256,
  type TreeHash,
  TreeHasher,
  toHex,
  type UploadId,
} from "@moraine/protocol";
import { invariant } from "../invariant.ts";
import type { Segment } from "../segment.ts";
import type { Instant } from "../time/instant.ts";

/** An upload may be removed this long after its last activity: docs/wire.md#multipart-uploads */
export const uploadIdleMilliseconds = limits.uploadIdleSeconds * 1000;

export interface MultipartUpload {
  readonly id: UploadId;
  readonly vaultId: string;
  /** The id that the archive will have: parts carry it in their footers from the start. */
  readonly archiveId: ArchiveId;
  readonly description: string;
  readonly partSizeBytes: number;
  readonly createdAt: Instant;
}

/** The size and tree hash of the finished archive, as the client states them. */
export interface ExpectedArchive {
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

/** Checks a part against its upload (docs/wire.md#multipart-uploads); throws InvalidParameterValueException. */
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

/** The archive that an upload's parts make, as they were at `partsRevision`. */
export interface AssembledArchive {
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
  readonly partsRevision: number;
  /** A pending segment with the list of the parts. */
  readonly manifest: Segment;
}

/** The size that all parts but the last have, and the id by which errors name them. */
export interface AssembledUpload {
  readonly id: string;
  readonly partSizeBytes: number;
}

/**
 * Joins parts, one after the other in order of their first byte, into the archive that a client claims them to be. Parts are
 * complete sub-trees, so their roots combine and nothing is read again. There may be no gap, and only the last part may be
 * short: docs/wire.md#multipart-uploads
 */
export class ArchiveAssembly {
  readonly #upload: AssembledUpload;
  readonly #tree: TreeHasher;
  #last: Segment | null = null;

  constructor(upload: AssembledUpload, sha256: Sha256) {
    this.#upload = upload;
    this.#tree = new TreeHasher(sha256);
  }

  /** Throws InvalidParameterValueException when the part does not follow the one before. */
  push(part: Segment): void {
    const { id, partSizeBytes } = this.#upload;
    const last = this.#last;
    if (last !== null && last.sizeBytes < partSizeBytes) {
      throw errors.invalidParameter(`The part ${formatRange(rangeOf(last))} is shorter than the part size: ${id}`);
    }
    const expected = last === null ? 0 : last.firstByte + partSizeBytes;
    invariant(part.firstByte >= expected, "parts are ordered and start at multiples of the part size");
    if (part.firstByte > expected) {
      const missing = { firstByte: expected, lastByte: part.firstByte - 1 };
      throw errors.invalidParameter(`The upload is missing the bytes ${formatRange(missing)}: ${id}`);
    }
    this.#tree.push(fromHex(part.treeHash));
    this.#last = part;
  }

  /** Throws InvalidParameterValueException unless the parts that were pushed make the archive of the claim. */
  finish(claim: ExpectedArchive): { sizeBytes: number; treeHash: TreeHash } {
    if (this.#last === null) {
      throw errors.invalidParameter(`The upload has no parts: ${this.#upload.id}`);
    }
    const archive = {
      sizeBytes: this.#last.firstByte + this.#last.sizeBytes,
      treeHash: toHex(this.#tree.root()),
    };
    assertClaimed(archive, claim);
    return archive;
  }
}

/** Throws InvalidParameterValueException unless the archive is what the client says it is. */
export function assertClaimed(archive: { sizeBytes: number; treeHash: TreeHash }, claim: ExpectedArchive): void {
  if (archive.sizeBytes !== claim.sizeBytes) {
    throw errors.invalidParameter(`Invalid x-amz-archive-size: ${claim.sizeBytes}`);
  }
  if (archive.treeHash !== claim.treeHash.toLowerCase()) {
    throw errors.invalidTreeHash(claim.treeHash);
  }
}

const rangeOf = ({ firstByte, sizeBytes }: Segment): ByteRange => ({ firstByte, lastByte: firstByte + sizeBytes - 1 });
