import { CorruptSegmentError } from "../domain/segment.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import type { Pace } from "./pace.ts";
import type { OpenedSegment, SegmentSource, SegmentTarget } from "./place.ts";
import { blobKeyOf, type Snapshot } from "./snapshot.ts";

/** Copies at the same time, so that small segments share the syncs of the disk. */
const atOnceMax = 8;

export interface CopyTotals {
  /** Segments that the copy of the database refers to, and the bytes of their files. */
  count: number;
  bytes: number;
  copiedCount: number;
  copiedBytes: number;
  /** Segments that are in neither folder as they should be. */
  missing: number;
}

export interface Missing {
  /** Path below `blobs/`; null when the row has none. */
  readonly file: string | null;
  readonly reason: string;
}

export interface CopyOptions {
  readonly from: SegmentSource;
  readonly to: SegmentTarget;
  readonly pace: Pace;
  onMissing(missing: Missing): void;
}

/**
 * Copies the segments that a database refers to, but for those that the target has already. When it resolves, all of them are durable
 * there. Rejects at the first fault of the target.
 */
export async function copySegments(snapshot: Snapshot, options: CopyOptions): Promise<CopyTotals> {
  const totals: CopyTotals = { count: 0, bytes: 0, copiedCount: 0, copiedBytes: 0, missing: 0 };
  const { to } = options;
  for (const rows of snapshot.segments()) {
    const keys = rows.map(blobKeyOf).filter((key) => key !== null);
    await to.prepare(keys);
    await forEach(rows, (row) => keep(row, options, totals));
    await to.settle(keys);
  }
  await to.finish();
  return totals;
}

async function keep(row: SegmentRow, options: CopyOptions, totals: CopyTotals): Promise<void> {
  const key = blobKeyOf(row);
  try {
    if (key === null) {
      throw new CorruptSegmentError(null, `the row ${hexOf(row)} describes no segment`);
    }
    const bytes = await keepKey(key, row, options, totals);
    totals.bytes += bytes;
    totals.count += 1;
  } catch (error) {
    if (!(error instanceof CorruptSegmentError)) {
      throw error;
    }
    totals.missing += 1;
    options.onMissing({ file: error.key, reason: error.reason });
  }
}

/** Returns the length of the target's file. */
async function keepKey(key: string, row: SegmentRow, options: CopyOptions, totals: CopyTotals): Promise<number> {
  const { from, to, pace } = options;
  const earlier = await to.sizeOf(key);
  if (earlier !== null && earlier === (await from.sizeOf(key))) {
    return earlier;
  }
  let source: OpenedSegment;
  try {
    source = await from.open(row);
  } catch (error) {
    const kept = error instanceof CorruptSegmentError ? await soundCopy(to, row) : null;
    if (kept === null) {
      throw error;
    }
    return kept;
  }
  try {
    const bytes = await to.store(key, source, pace);
    totals.copiedCount += 1;
    totals.copiedBytes += bytes;
    return bytes;
  } finally {
    await source.opened.close();
  }
}

/** The data folder has lost a segment that an earlier backup holds. Returns the length of its file, or null. */
async function soundCopy(to: SegmentSource, row: SegmentRow): Promise<number | null> {
  try {
    const { opened } = await to.open(row);
    await opened.close();
    return opened.reader.sizeBytes;
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      return null;
    }
    throw error;
  }
}

const hexOf = ({ name }: SegmentRow): string => Buffer.from(name).toString("hex");

/** Rejects with the first failure, once no other work is under way. */
async function forEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  let hasFailed = false;
  const takeTurns = async () => {
    for (const item of left) {
      if (hasFailed) {
        return;
      }
      await work(item).catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  const turns = await Promise.allSettled(Array.from({ length: atOnceMax }, takeTurns));
  const failed = turns.find((turn) => turn.status === "rejected");
  if (failed !== undefined) {
    throw failed.reason;
  }
}
