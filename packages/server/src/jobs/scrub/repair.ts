import type { CorruptSegmentError, Segment } from "../../domain/segment.ts";
import type { BlobCopies, BlobStore, CopyName, Turn } from "../../domain/stores/blob-store.ts";
import type { UnrecordedMetadata } from "../../domain/stores/recorded-changes.ts";
import type { SegmentOpener } from "../../segments/open.ts";
import type { Pace } from "./pace.ts";
import type { ReadBack } from "./read-back.ts";

export interface RepairServices {
  readonly metadata: Pick<UnrecordedMetadata, "findSegment">;
  readonly blobs: Pick<BlobStore, "openUncached" | "copies">;
  readonly segments: Pick<SegmentOpener, "forget">;
  readonly readBack: ReadBack;
  readonly pace: Pace;
  readonly log: RepairLog;
}

export interface RepairLog {
  /** A copy was replaced by the other, and reads right. */
  repaired(key: string, copy: CopyName, cause: CorruptSegmentError): void;
}

type Found = readonly CorruptSegmentError[] | null;

/**
 * Reads a segment back: each copy, if there are two, and replaces one that is damaged or missing by one that is sound from end to
 * end. Resolves to the damage that is left in the data folder, or to null when it was stopped.
 */
export async function readBackAndRepair(
  services: RepairServices,
  segment: Segment,
  signal: AbortSignal,
): Promise<Found> {
  const { blobs, readBack } = services;
  const { copies } = blobs;
  if (copies === undefined) {
    return readBack.damageOf(blobs, segment, signal);
  }
  const [data, mirror] = [
    await readBack.damageOf(copies.stores.data, segment, signal),
    await readBack.damageOf(copies.stores.mirror, segment, signal),
  ];
  if (data === null || mirror === null) {
    return null;
  }
  if (data[0] !== undefined && mirror.length === 0) {
    return repair({ ...services, copies }, segment, { copy: "data", cause: data[0] }, signal);
  }
  if (mirror[0] !== undefined && data.length === 0) {
    await repair({ ...services, copies }, segment, { copy: "mirror", cause: mirror[0] }, signal);
  }
  return data;
}

async function repair(
  { copies, metadata, segments, readBack, pace, log }: RepairServices & { readonly copies: BlobCopies },
  segment: Segment,
  { copy, cause }: { readonly copy: CopyName; readonly cause: CorruptSegmentError },
  signal: AbortSignal,
): Promise<Found> {
  const turn: Turn = async (work) => {
    signal.throwIfAborted();
    return pace.turn(work, signal);
  };
  const isWanted = async () => (await metadata.findSegment(segment.key)) !== null;
  if (!(await copies.replace(segment.key, copy, { turn, isWanted }))) {
    return [];
  }
  segments.forget(segment.key);
  // Also what was just written is believed only as the disk returns it.
  const left = await readBack.damageOf(copies.stores[copy], segment, signal);
  if (left?.length === 0) {
    log.repaired(segment.key, copy, cause);
  }
  return left;
}
