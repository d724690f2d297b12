import { type ByteRange, leafCount, leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";

import {
  type BlobCopies,
  BlobMissingError,
  type BlobReader,
  type BlobStore,
  BlobStoreUnavailableError,
  NotRestoredYetError,
} from "../domain/stores/blob-store.ts";
import { decodeFooter, type Footer, footerSizeMax } from "./footer.ts";
import { rootOfLeaves } from "./hashing/leaves-root.ts";

/** The kernel reports that the medium, or the file system on it, has lost what it held. Other errors pass, or are a setting's. */
const mediumFaults: ReadonlySet<unknown> = new Set(["EIO", "EUCLEAN", "EBADMSG"]);

/** Opens segments for reading; see {@link openSegment}. */
export interface SegmentOpener {
  open(segment: Segment): Promise<OpenSegment>;
  /** To be called when a segment proves damaged, or has been removed: whoever opens it next reads its footer again. */
  forget(key: string): void;
}

export interface OpenSegment<Reader extends BlobReader = BlobReader> {
  readonly reader: Reader;
  readonly footer: Footer;
  /** Opens the second copy because of an error of this one, which it throws when there is no sound one. */
  readonly instead?: (error: unknown) => Promise<OpenSegment>;
  close(): Promise<void>;
}

/** The fields of a segment's row that its footer repeats. */
export const checkedFields = ["ownerId", "firstByte", "sizeBytes", "treeHash"] as const;

/**
 * Opens a segment, and checks that its footer is complete and is the one of this row: files that changed places are noticed
 * here, and leaf hashes that are not those of the row's tree hash. Throws CorruptSegmentError, unless the store has a second copy
 * that is sound.
 */
export async function openSegment(blobs: Pick<BlobStore, "open" | "copies">, segment: Segment): Promise<OpenSegment> {
  const { copies } = blobs;
  if (copies === undefined) {
    return openCopy(blobs, segment);
  }
  const instead = (error: unknown) => openInstead(copies, segment, error);
  try {
    return { ...(await openCopy(blobs, segment)), instead };
  } catch (error) {
    return instead(error);
  }
}

/** Opens one copy alone. */
export async function openCopy<Reader extends BlobReader>(
  blobs: { open(key: string): Promise<Reader> },
  segment: Segment,
): Promise<OpenSegment<Reader>> {
  const reader = await openBlob(blobs, segment.key);
  try {
    return {
      reader,
      footer: await readFooter(reader, segment),
      close: () => reader.close(),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/** Throws the error of the first copy when it is no damage, or the second copy is not sound either. */
async function openInstead(copies: BlobCopies, segment: Segment, error: unknown): Promise<OpenSegment> {
  if (!(error instanceof CorruptSegmentError)) {
    throw error;
  }
  const copy = await openCopy(copies.stores.mirror, segment).catch(() => {
    throw error;
  });
  copies.noteDamaged(segment.key, error);
  return copy;
}

/** Opens each segment again: for jobs, whose success says what is on the disk now. */
export const freshSegments = (blobs: BlobStore): SegmentOpener => ({
  open: (segment) => openSegment(blobs, segment),
  forget: () => undefined,
});

export async function openBlob<Reader>(blobs: { open(key: string): Promise<Reader> }, key: string): Promise<Reader> {
  try {
    return await blobs.open(key);
  } catch (error) {
    if (error instanceof BlobMissingError) {
      throw new CorruptSegmentError(key, "its file is missing", { cause: error });
    }
    if (mediumFaults.has((error as { readonly code?: unknown }).code)) {
      throw new CorruptSegmentError(key, "its file cannot be opened", { cause: error });
    }
    throw error;
  }
}

async function readFooter(reader: BlobReader, segment: Segment): Promise<Footer> {
  const { key, sizeBytes } = segment;
  const footerBytes = reader.sizeBytes - sizeBytes;
  // The file and the row bound each other, before memory is taken.
  if (!(sizeBytes > 0 && footerBytes > 0 && footerBytes <= footerSizeMax(sizeBytes))) {
    throw new CorruptSegmentError(
      key,
      `its file has ${reader.sizeBytes} bytes, which do not fit ${sizeBytes} of its own`,
    );
  }
  const bytes = Buffer.alloc(footerBytes);
  await readOrCorrupt(reader, segment, bytes, sizeBytes);
  const footer = decodeFooter(bytes, segment);
  for (const field of checkedFields) {
    if (footer[field] !== segment[field]) {
      throw new CorruptSegmentError(key, `its footer names another ${field}`);
    }
  }
  // The footer's own hash says only that it is complete. The row is what the archive's tree hash was joined from.
  if ((await rootOfLeaves(footer.leaves, 0, leafCount(sizeBytes))) !== segment.treeHash) {
    throw new CorruptSegmentError(key, "the leaf hashes in its footer do not have its tree hash");
  }
  return footer;
}

/**
 * A medium that fails to read is damage like any other: what it held cannot be passed on. A store that is away is none, nor is a blob that has to be
 * restored first: nothing is known of what they hold.
 */
export async function readOrCorrupt(
  reader: BlobReader,
  segment: Pick<Segment, "key" | "firstByte" | "sizeBytes">,
  into: Uint8Array,
  position: number,
): Promise<void> {
  try {
    await reader.read(into, position);
  } catch (cause) {
    if (cause instanceof BlobStoreUnavailableError || cause instanceof NotRestoredYetError) {
      throw cause;
    }
    const place = position < segment.sizeBytes ? { place: leafRange(segment, position) } : {};
    throw new CorruptSegmentError(segment.key, `byte ${position} of its file cannot be read`, { cause, ...place });
  }
}

/** The leaf that holds the byte at `position` of the segment, counted from the first byte of its archive. */
export function leafRange(
  { firstByte, sizeBytes }: Pick<Segment, "firstByte" | "sizeBytes">,
  position: number,
): ByteRange {
  const start = position - (position % leafSizeBytes);
  return { firstByte: firstByte + start, lastByte: firstByte + Math.min(start + leafSizeBytes, sizeBytes) - 1 };
}
