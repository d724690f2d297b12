import { leafCount, leafSizeBytes } from "@moraine/protocol";
import type { OpenedSegment } from "../backup/place.ts";
import { fits, openRow } from "../backup/segment-files.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { BlobMissingError, type BlobStore } from "../domain/stores/blob-store.ts";
import { decodeFooter, leafAt, sha256 } from "../segments/footer.ts";
import { readOrCorrupt } from "../segments/open.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";

/** A segment's row, with the name of its blob. */
export interface KeyedRow {
  readonly key: string;
  readonly row: SegmentRow;
}

/** Copies all of a segment, each MiB of it compared with its hash. Resolves to its length once it is durable. */
export async function copySegment(
  { from, to }: { readonly from: Pick<BlobStore, "open">; readonly to: Pick<BlobStore, "create"> },
  { key, row }: KeyedRow,
): Promise<number> {
  const segment = await openRow(from, row);
  try {
    const writer = await to.create(key, segment.opened.reader.sizeBytes);
    try {
      for await (const bytes of verifiedBytes(segment)) {
        await writer.write(bytes);
      }
    } catch (error) {
      await writer.discard();
      throw error;
    }
    await writer.commit();
    return segment.opened.reader.sizeBytes;
  } finally {
    await segment.opened.close();
  }
}

/** Reads a segment that stays where it is. Resolves to the bytes that were read and compared with their hashes. */
export async function verifySegment(
  blobs: Pick<BlobStore, "open">,
  { row }: KeyedRow,
  readsFooterOnly: boolean,
): Promise<number> {
  const segment = await openRow(blobs, row);
  try {
    let readBytes = 0;
    if (!readsFooterOnly) {
      for await (const bytes of verifiedBytes(segment)) {
        readBytes += bytes.length;
      }
    }
    return readBytes;
  } finally {
    await segment.opened.close();
  }
}

/** Nothing else is known of a segment that has to be restored before it can be read. Throws CorruptSegmentError when it is missing, or has another length. */
export async function assertLength({ cold }: Pick<BlobStore, "cold">, { key, row }: KeyedRow): Promise<void> {
  const fileBytes = await cold?.sizeOf(key).catch((error: unknown) => {
    if (error instanceof BlobMissingError) {
      throw new CorruptSegmentError(key, "its file is missing", { cause: error });
    }
    throw error;
  });
  if (!fits(fileBytes ?? null, row)) {
    throw new CorruptSegmentError(
      key,
      `its file has ${fileBytes} bytes, which do not fit ${row.size_bytes} of its own`,
    );
  }
}

/** Yields all bytes of a segment's file in pieces, which are the caller's until the next. Throws CorruptSegmentError for those that do not have their hash. */
async function* verifiedBytes({ segment, opened }: OpenedSegment): AsyncGenerator<Buffer, void, void> {
  const { reader, footer } = opened;
  const { key, sizeBytes } = segment;
  const block = Buffer.allocUnsafe(Math.min(leafSizeBytes, sizeBytes));
  for (let leaf = 0; leaf < leafCount(sizeBytes); leaf += 1) {
    const start = leaf * leafSizeBytes;
    const bytes = block.subarray(0, Math.min(leafSizeBytes, sizeBytes - start));
    await readOrCorrupt(reader, segment, bytes, start);
    if (!sha256(bytes).equals(leafAt(footer, leaf))) {
      const end = start + bytes.length - 1;
      throw new CorruptSegmentError(key, `bytes ${start}-${end} of its file do not have their hash`);
    }
    yield bytes;
  }
  const end = Buffer.allocUnsafe(reader.sizeBytes - sizeBytes);
  await readOrCorrupt(reader, segment, end, sizeBytes);
  if (!Buffer.from(footer.leaves).equals(decodeFooter(end, segment).leaves)) {
    throw new CorruptSegmentError(key, "its footer is read differently each time");
  }
  yield end;
}
