import { onOneLine, printableJson } from "../../terminal/printable.ts";
import { listing } from "../../terminal/table.ts";
import type { InventoryCounts } from "./audit-inventory.ts";
import { type Difference, type DifferenceKind, differenceKinds, differenceWords } from "./difference.ts";

/** The result of an audit. */
export interface AuditCounts extends InventoryCounts {
  /** Files that were looked at. */
  files: number;
  readonly differences: Partial<Record<DifferenceKind, number>>;
}

/** Formats differences as they are found, then what was compared. Counts them by their kinds. */
export async function* auditLines(
  batches: AsyncIterable<readonly Difference[]>,
  counts: AuditCounts,
  { json = false, quiet = false }: { readonly json?: boolean; readonly quiet?: boolean },
): AsyncGenerator<Uint8Array, void, void> {
  const line = json ? jsonLine : textLine;
  for await (const differences of batches) {
    for (const { kind } of differences) {
      counts.differences[kind] = (counts.differences[kind] ?? 0) + 1;
    }
    if (differences.length > 0) {
      yield Buffer.from(differences.map((one) => `${line(one)}\n`).join(""));
    }
  }
  if (json) {
    yield Buffer.from(`${printableJson({ event: "done", ...counts })}\n`);
  } else if (!quiet) {
    yield Buffer.from(`${summaryOf(counts)}\n`);
  }
}

export const countOf = ({ differences }: AuditCounts): number =>
  Object.values(differences).reduce((sum, count) => sum + count, 0);

const jsonLine = (difference: Difference): string => printableJson({ event: "difference", ...difference });

function textLine({ kind, path, archiveId, details }: Difference): string {
  const name = path === "" && archiveId !== null ? `(${archiveId})` : path;
  return onOneLine([differenceWords[kind], name, details ?? ""].filter(Boolean).join(": "));
}

function summaryOf(counts: AuditCounts): string {
  const { listed, listedAt, newer, files, differences } = counts;
  const found = differenceKinds.filter((kind) => differences[kind] !== undefined);
  return listing({
    inventory: `${listed} archives, as of ${listedAt?.toISOString() ?? "an unknown date"}`,
    ...(newer > 0 && { newer: `${newer} archives, which the inventory cannot list` }),
    ...(files > 0 && { folder: `${files} files` }),
    ...Object.fromEntries(found.map((kind) => [differenceWords[kind], differences[kind]])),
    result: countOf(counts) === 0 ? "no differences" : `${countOf(counts)} differences`,
  });
}
