import { systemClock } from "../clock/clocks.ts";
import { copiedTables, type StoredRow, type StoredTable } from "../storage/metadata/table-rows.ts";
import { RowHasher } from "../storage/metadata/tables/row-macs/row-hasher.ts";
import { isSound, nameOf } from "../storage/metadata/tables/row-macs/row-seal.ts";
import { type SealedTableName, sealedTables } from "../storage/metadata/tables/row-macs/sealed-columns.ts";
import { auditFaults, compareTables, type TableDigest } from "./compare.ts";
import { copyRows, removeAllSurplus, segmentsTable } from "./copy-rows.ts";
import { copySegments } from "./copy-segments.ts";
import { CopyError, type CopyOrigin, type CopySource, type CopyTarget } from "./place.ts";

export interface CopyFinding {
  readonly code: "segment-damaged" | "row-damaged" | "audit-chain";
  readonly message: string;
  /** The segment's name in its store. */
  readonly segment?: string;
}

export interface CopyTotals {
  /** Segments whose bytes are in the copy, and those of them that this run copied. */
  segments: number;
  copiedSegments: number;
  copiedBytes: number;
  rows: number;
  findings: number;
}

export interface CopyResult {
  readonly totals: CopyTotals;
  /** Whether servers accept the copy. */
  readonly isComplete: boolean;
  /** The tables of the copy; none while it is not complete. */
  readonly tables: readonly TableDigest[];
}

export interface CopyEvents {
  finding(finding: CopyFinding): void;
  progress(totals: Readonly<CopyTotals>): void;
}

/** A node may have changed the source before it was fenced: then what differs is copied again. */
const attemptsMax = 2;

/** Copies everything, and compares both ends. What is damaged is reported, and ends the copy as incomplete unless it is accepted. */
export async function runCopy(
  ends: { readonly source: CopySource; readonly target: CopyTarget; readonly origin: CopyOrigin },
  { acceptsDamage, ...events }: CopyEvents & { readonly acceptsDamage: boolean },
): Promise<CopyResult> {
  const { source, target, origin } = ends;
  for (let attempt = 1; ; attempt += 1) {
    const totals = await copyOnce(ends, attempt > 1 || target.isResumed, events);
    if (totals.findings > 0 && !acceptsDamage) {
      return { totals, isComplete: false, tables: [] };
    }
    const { copyId } = origin;
    const at = systemClock.now();
    await source.fence({ copyId, state: "moved", other: target.name, at, isFilled: false });
    if (totals.findings > 0) {
      await target.noteFilled();
      await copyRows(ends, segmentsTable, () => undefined);
    }
    const { tables, differing } = await compareTables(source.db, target.db);
    if (differing.length === 0) {
      await target.finish();
      return { totals, isComplete: true, tables };
    }
    if (attempt === attemptsMax) {
      await source.unfence();
      throw new CopyError(
        `The copy is not like its source: ${differing.join("; ")}. Nothing is lost: run the command again`,
      );
    }
  }
}

async function copyOnce(
  { source, target, origin }: { readonly source: CopySource; readonly target: CopyTarget; readonly origin: CopyOrigin },
  isRepeated: boolean,
  { finding, progress }: CopyEvents,
): Promise<CopyTotals> {
  const totals: CopyTotals = { segments: 0, copiedSegments: 0, copiedBytes: 0, rows: 0, findings: 0 };
  const found = (damage: CopyFinding) => {
    totals.findings += 1;
    finding(damage);
  };
  const hasher = new RowHasher(origin.rowKey);
  const noteRow = (table: StoredTable) => (row: StoredRow) => {
    totals.rows += 1;
    const message = damageOf(hasher, table, row);
    if (message !== null) {
      found({ code: "row-damaged", message });
    }
  };
  if (isRepeated) {
    await removeAllSurplus({ source, target });
  }
  await copySegments(
    { source, target, isRepeated },
    {
      onRow: noteRow(segmentsTable),
      onSegment(fileBytes, isNew) {
        totals.segments += 1;
        totals.copiedSegments += isNew ? 1 : 0;
        totals.copiedBytes += fileBytes;
        progress(totals);
      },
      onDamage: ({ file, reason }) =>
        found({ code: "segment-damaged", message: reason, ...(file !== null && { segment: file }) }),
    },
  );
  for (const table of copiedTables.filter((each) => each !== segmentsTable)) {
    await copyRows({ source, target }, table, noteRow(table));
    progress(totals);
  }
  for (const message of await auditFaults(target.db)) {
    found({ code: "audit-chain", message: `the audit trail was changed: ${message}` });
  }
  return totals;
}

/** Null for a row that is as it was stored. */
function damageOf(hasher: RowHasher, { name }: StoredTable, row: StoredRow): string | null {
  if (!(name in sealedTables) || isSound(hasher, name as SealedTableName, row)) {
    return null;
  }
  return `a row of the table ${name} is not as it was stored: ${nameOf(name as SealedTableName, row)}`;
}
