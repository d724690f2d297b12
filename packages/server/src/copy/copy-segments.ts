import { blobKeyOf } from "../backup/snapshot.ts";
import { CorruptSegmentError } from "../domain/segment.ts";
import { BlobMissingError, NotRestoredYetError } from "../domain/stores/blob-store.ts";
import { forEach } from "../storage/blobs/for-each.ts";
import { keyTextOf, putRows, removeRow, type StoredRow } from "../storage/metadata/table-rows.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import { hasBytes, isSame, pagesOf, type RowPage, segmentsTable } from "./copy-rows.ts";
import { assertLength, copySegment, type KeyedRow, verifySegment } from "./copy-segment.ts";
import type { CopySource, CopyTarget } from "./place.ts";

/** Segments at the same time: small ones share the syncs of a disk, and wait for a bucket together. */
const atOnceMax = 8;
/** Bytes after which rows are written, so that an interruption costs little. */
const bytesPerWrite = 256 * 1024 ** 2;

export interface SegmentEvents {
  /** Called with each row of the source. */
  onRow(row: StoredRow): void;
  /** Called for each segment whose bytes the target has. @param isNew whether this run copied them, or read them where they stay */
  onSegment(fileBytes: number, isNew: boolean): void;
  /** Called for each segment that has to be restored before it can be read. Unless it stays in its bucket, it has no row at the target. */
  onCold(file: string): void;
  /** Called for each segment whose bytes cannot be copied; it has no row at the target. */
  onDamage(damage: { readonly file: string | null; readonly reason: string }): void;
}

export interface SegmentEnds {
  readonly source: CopySource;
  readonly target: CopyTarget;
  /** Whether blobs may have been stored whose rows were not. */
  readonly isRepeated: boolean;
  /** Whether the bytes of segments that stay in their bucket are not read. */
  readonly readsFootersOnly: boolean;
}

/** Copies segments in the order of their names: the bytes of each are stored durably before its row is written. */
export async function copySegments(ends: SegmentEnds, events: SegmentEvents): Promise<void> {
  const { source, target } = ends;
  for await (const page of pagesOf({ source: source.db, target: target.db }, segmentsTable)) {
    const { rows } = page;
    rows.forEach(events.onRow);
    const copied = ends.isRepeated ? await prepared(page, target) : page.copied;
    const writer = new RowWriter(target);
    let failure: { readonly error: unknown } | null = null;
    await forEach(rows, atOnceMax, async (row) => {
      if (failure !== null) {
        return;
      }
      try {
        const earlier = copied.get(keyTextOf(segmentsTable, row));
        const fileBytes = await bytesCopied({ ...ends, events }, row, earlier);
        if (fileBytes !== null && !isSame(earlier, row)) {
          await writer.add(row, fileBytes);
        }
      } catch (error) {
        failure ??= { error };
      }
    });
    await writer.flush();
    throwFailure(failure);
  }
}

/**
 * Returns those of the page's rows that the target has with their bytes. Blobs of the others go: they may have been stored by a run that ended
 * before it wrote the row.
 */
async function prepared({ rows, copied }: RowPage, target: CopyTarget): Promise<ReadonlyMap<string, StoredRow>> {
  const sound = new Map(copied);
  if (target.isFilled) {
    const lost = await doubted([...copied.values()], target);
    if (lost.length > 0) {
      await target.write(async (db) => {
        for (const row of lost) {
          await removeRow(db, segmentsTable, row);
        }
      });
    }
    for (const row of lost) {
      sound.delete(keyTextOf(segmentsTable, row));
    }
  }
  const missing = rows.filter((row) => hasBytes(row) && !isCopied(sound.get(keyTextOf(segmentsTable, row))));
  const keys = missing.map((row) => blobKeyOf(row as unknown as SegmentRow)).filter((key) => key !== null);
  if (keys.length > 0) {
    await target.clear(keys);
  }
  return sound;
}

/** The rows of segments whose blobs are missing; where blobs stay, those of damaged ones are there too, and each is read again. */
async function doubted(rows: readonly StoredRow[], { blobs, isInPlace }: CopyTarget): Promise<readonly StoredRow[]> {
  if (isInPlace) {
    return rows.filter(hasBytes);
  }
  const missing: StoredRow[] = [];
  let failure: { readonly error: unknown } | null = null;
  await forEach(rows.filter(hasBytes), atOnceMax, async (row) => {
    try {
      const key = blobKeyOf(row as unknown as SegmentRow);
      await (key === null ? null : (await blobs.open(key)).close());
    } catch (error) {
      if (error instanceof BlobMissingError) {
        missing.push(row);
      } else {
        failure ??= { error };
      }
    }
  });
  throwFailure(failure);
  return missing;
}

const isCopied = (row: StoredRow | undefined): boolean => row !== undefined && hasBytes(row);

function throwFailure(failure: { readonly error: unknown } | null): void {
  if (failure !== null) {
    throw failure.error;
  }
}

/** Collects rows of segments whose bytes are stored. */
class RowWriter {
  readonly #target: CopyTarget;
  #rows: StoredRow[] = [];
  #bytes = 0;

  constructor(target: CopyTarget) {
    this.#target = target;
  }

  async add(row: StoredRow, fileBytes: number): Promise<void> {
    this.#rows.push(row);
    this.#bytes += fileBytes;
    if (this.#bytes >= bytesPerWrite) {
      await this.flush();
    }
  }

  async flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    if (rows.length > 0) {
      await this.#target.write((db) => putRows(db, segmentsTable, rows));
    }
  }
}

/** Resolves to the bytes that were copied or read just now, 0 when there was nothing to copy; to null when the segment is not to have a row. */
async function bytesCopied(
  { events, ...ends }: SegmentEnds & { readonly events: SegmentEvents },
  row: StoredRow,
  earlier: StoredRow | undefined,
): Promise<number | null> {
  if (!hasBytes(row)) {
    return 0;
  }
  const segmentRow = row as unknown as SegmentRow;
  const key = blobKeyOf(segmentRow);
  try {
    if (key === null) {
      throw new CorruptSegmentError(
        null,
        `the row ${Buffer.from(segmentRow.name).toString("hex")} describes no segment`,
      );
    }
    if (isCopied(earlier)) {
      events.onSegment(0, false);
      return 0;
    }
    return await bytesTransferred({ ...ends, events }, { key, row: segmentRow });
  } catch (error) {
    if (!(error instanceof CorruptSegmentError)) {
      throw error;
    }
    events.onDamage({ file: error.key ?? key, reason: error.reason });
    return null;
  }
}

/** Throws CorruptSegmentError for a damaged segment. Resolves to null for one that cannot be read now, and does not stay. */
async function bytesTransferred(
  { source, target, readsFootersOnly, events }: SegmentEnds & { readonly events: SegmentEvents },
  keyed: KeyedRow,
): Promise<number | null> {
  try {
    const fileBytes = target.isInPlace
      ? await verifySegment(target.blobs, keyed, readsFootersOnly)
      : await copySegment({ from: source.blobs, to: target.blobs }, keyed);
    events.onSegment(fileBytes, true);
    return fileBytes;
  } catch (error) {
    if (!(error instanceof NotRestoredYetError)) {
      throw error;
    }
    if (target.isInPlace) {
      await assertLength(target.blobs, keyed);
    }
    events.onCold(keyed.key);
    return target.isInPlace ? 0 : null;
  }
}
