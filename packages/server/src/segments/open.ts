import { BlobMissingError, type BlobReader, type BlobStore } from "../domain/blob-store.ts";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import { decodeFooter, type Footer } from "./footer.ts";

export interface OpenSegment {
  readonly reader: BlobReader;
  readonly footer: Footer;
}

/**
 * Opens a segment and checks that its footer is whole and is this segment's own: files that changed places are noticed
 * here. Throws CorruptSegmentError. The caller closes the reader.
 */
export async function openSegment(blobs: BlobStore, segment: Segment): Promise<OpenSegment> {
  const reader = await openBlob(blobs, segment.key);
  try {
    return { reader, footer: await readFooter(reader, segment) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function openBlob(blobs: BlobStore, key: string): Promise<BlobReader> {
  try {
    return await blobs.open(key);
  } catch (error) {
    if (error instanceof BlobMissingError) {
      throw new CorruptSegmentError(key, "its file is missing", { cause: error });
    }
    throw error;
  }
}

async function readFooter(reader: BlobReader, segment: Segment): Promise<Footer> {
  if (reader.sizeBytes <= segment.sizeBytes) {
    throw new CorruptSegmentError(segment.key, "its file is too short");
  }
  const bytes = Buffer.alloc(reader.sizeBytes - segment.sizeBytes);
  await readOrCorrupt(reader, segment.key, bytes, segment.sizeBytes);
  const footer = decodeFooter(bytes, segment.key);
  for (const member of ["ownerId", "firstByte", "sizeBytes", "treeHash"] as const) {
    if (footer[member] !== segment[member]) {
      throw new CorruptSegmentError(segment.key, `its footer names another ${member}`);
    }
  }
  return footer;
}

/** A medium that fails to read is damage like any other: what it held cannot be passed on. */
export async function readOrCorrupt(
  reader: BlobReader,
  key: string,
  into: Uint8Array,
  position: number,
): Promise<void> {
  try {
    await reader.read(into, position);
  } catch (error) {
    throw new CorruptSegmentError(key, "it cannot be read", { cause: error });
  }
}
