import type { Instant } from "../time/instant.ts";

/** How much room there is, and what deletions will give back. */
export interface StorageReport {
  /** Null while archives are accepted. While they are not, they can still be read and deleted. */
  readonly readOnly: { readonly kind: ReadOnlyKind; readonly reason: string } | null;
  /** Null when the file system gives no figure. */
  readonly freeBytes: number | null;
  /** The part that archives never take. */
  readonly reserveBytes: number;
  readonly deleted: DeletedBytes;
}

export type ReadOnlyKind = "disk_full" | "failed_syncs" | "store_away";

/** Bytes of deleted archives and parts that still take room. */
export interface DeletedBytes {
  readonly sizeBytes: number;
  /** From when on the first of them are freed, and when the last; null when there are none. A job that offers them keeps them longer. */
  readonly freeFrom: Instant | null;
  readonly freeBy: Instant | null;
}

export const noDeletedBytes: DeletedBytes = { sizeBytes: 0, freeFrom: null, freeBy: null };

/** Says what is full, what still works, and when deletions give room back. */
export function describeReadOnly({ readOnly, deleted }: StorageReport): string | null {
  if (readOnly?.kind !== "disk_full" || deleted.freeFrom === null || deleted.freeBy === null) {
    return readOnly?.reason ?? null;
  }
  const times = `between ${iso(deleted.freeFrom)} and ${iso(deleted.freeBy)}`;
  return `${readOnly.reason}; ${deleted.sizeBytes} bytes of deleted archives are freed ${times}`;
}

const iso = (time: Instant): string => new Date(time).toISOString();
