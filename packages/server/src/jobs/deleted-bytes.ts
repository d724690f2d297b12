import type { DeletedSegment } from "../domain/stores/metadata-store.ts";
import type { DeletedBytes } from "../domain/stores/storage-report.ts";
import type { JobServices } from "./context.ts";

const pageRows = 250;

/** Adds up, page by page, the bytes of segments that are deleted but not removed yet. */
export async function sumDeletedBytes(services: JobServices, signal: AbortSignal): Promise<void> {
  const { metadata, deletedGraceMilliseconds } = services;
  const sum = { sizeBytes: 0, firstDeletedAt: null as number | null, lastDeletedAt: null as number | null };
  let after: DeletedSegment | null = null;
  do {
    const rows: DeletedSegment[] = await metadata.deletedSegments({ after, limit: pageRows });
    sum.sizeBytes += rows.reduce((bytes, row) => bytes + row.sizeBytes, 0);
    sum.firstDeletedAt ??= rows.at(0)?.deletedAt ?? null;
    sum.lastDeletedAt = rows.at(-1)?.deletedAt ?? sum.lastDeletedAt;
    after = rows.length === pageRows ? (rows.at(-1) ?? null) : null;
  } while (after !== null && !signal.aborted);
  const freeAt = (deletedAt: number | null) => (deletedAt === null ? null : deletedAt + deletedGraceMilliseconds);
  const deleted: DeletedBytes = {
    sizeBytes: sum.sizeBytes,
    freeFrom: freeAt(sum.firstDeletedAt),
    freeBy: freeAt(sum.lastDeletedAt),
  };
  services.log.deletedBytes(deleted);
}
