import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { leafCount, leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import type { BlobReader, BlobStore } from "../domain/stores/blob-store.ts";
import { ifPresent } from "../files/missing.ts";
import { decodeFooter, footerSizeMax, leafAt, sha256 } from "../segments/footer.ts";
import { type OpenSegment, openSegment, readOrCorrupt } from "../segments/open.ts";
import { openReplacedSegment } from "../segments/open-unknown.ts";
import { FilesystemBlobStore } from "../storage/blobs/filesystem.ts";
import { segmentOf } from "../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import type { Pace } from "./pace.ts";
import type { OpenedSegment, SegmentSource } from "./place.ts";
import { discard } from "./removal.ts";

/** More dirty pages at once would hold up the syncs of a server on the same disk. */
const syncedBytes = 32 * 1024 ** 2;
const fileMode = 0o400;

/** The segments' files below a data folder, a folder of backups, or a restored one: all have the same names. */
export class SegmentFiles implements SegmentSource {
  readonly blobs: string;
  readonly #store: FilesystemBlobStore;

  constructor(folder: string) {
    this.blobs = join(folder, "blobs");
    this.#store = new FilesystemBlobStore(folder);
  }

  /** Opens a segment whose footer is the one of its row. Throws CorruptSegmentError, also when the file is missing. */
  open(row: SegmentRow): Promise<OpenedSegment> {
    return openRow(this.#store, row);
  }

  /** Length of the file; null when there is none. */
  async sizeOf(key: string): Promise<number | null> {
    const found = await ifPresent(stat(join(this.blobs, key)));
    return found?.isFile() === true ? found.size : null;
  }
}

export async function openRow(blobs: Pick<BlobStore, "open">, row: SegmentRow): Promise<OpenedSegment> {
  const segment = segmentOf({ ...row, first_byte: row.first_byte ?? 0 });
  if (row.first_byte !== null) {
    return { segment, opened: await openSegment(blobs, segment) };
  }
  const opened = await openReplacedSegment(blobs, segment);
  return { segment: opened.segment, opened };
}

/** Whether a file of this length can be the segment's. */
export function fits(fileBytes: number | null, { size_bytes: sizeBytes }: Pick<SegmentRow, "size_bytes">): boolean {
  return (
    fileBytes !== null &&
    sizeBytes !== null &&
    fileBytes > sizeBytes &&
    fileBytes <= sizeBytes + footerSizeMax(sizeBytes)
  );
}

export interface Target {
  /** Where the copy gets its name once it is complete. */
  readonly path: string;
  /** The name that it has before. */
  readonly partial: string;
}

/**
 * Copies a segment, and compares each MiB with its hash on the way. The copy is synced before it is renamed; the folder is the caller's to sync. Throws
 * CorruptSegmentError when the source is damaged, and any other error for the target's faults: then no file is left.
 */
export async function copySegment(
  { segment, opened }: OpenedSegment,
  { path, partial }: Target,
  pace: Pace,
): Promise<number> {
  const file = await open(partial, "wx", fileMode);
  try {
    await copyLeaves(file, segment, opened, pace);
    await copyFooter(file, segment, opened.reader);
    await file.sync();
    const { size } = await file.stat();
    if (size !== opened.reader.sizeBytes) {
      throw new Error(`The copy ${path} has ${size} bytes in place of ${opened.reader.sizeBytes}`);
    }
    await file.close();
    await rename(partial, path);
    return size;
  } catch (error) {
    await file.close().catch(() => undefined);
    await discard(partial);
    throw error;
  }
}

async function copyLeaves(
  file: FileHandle,
  segment: Segment,
  { reader, footer }: OpenSegment,
  pace: Pace,
): Promise<void> {
  const block = Buffer.allocUnsafe(Math.min(leafSizeBytes, segment.sizeBytes));
  for (let leaf = 0; leaf < leafCount(segment.sizeBytes); leaf += 1) {
    const start = leaf * leafSizeBytes;
    const bytes = block.subarray(0, Math.min(leafSizeBytes, segment.sizeBytes - start));
    await readOrCorrupt(reader, segment, bytes, start);
    if (!sha256(bytes).equals(leafAt(footer, leaf))) {
      throw new CorruptSegmentError(
        segment.key,
        `bytes ${start}-${start + bytes.length - 1} of its file do not have their hash`,
      );
    }
    await writeAt(file, bytes, start);
    if ((start + bytes.length) % syncedBytes === 0) {
      await file.datasync();
    }
    await pace.spend(bytes.length);
  }
}

async function copyFooter(file: FileHandle, segment: Segment, reader: BlobReader): Promise<void> {
  const footer = Buffer.alloc(reader.sizeBytes - segment.sizeBytes);
  await readOrCorrupt(reader, segment, footer, segment.sizeBytes);
  // The footer was checked when it was opened; the bytes written are those of a second reading.
  decodeFooter(footer, segment);
  await writeAt(file, footer, segment.sizeBytes);
}

async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
