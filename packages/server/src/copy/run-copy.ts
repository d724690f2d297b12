import { systemClock } from "../clock/clocks.ts";
import type { CopyMark } from "../storage/copy-mark.ts";
import { copiedTables, type StoredRow, type StoredTable } from "../storage/metadata/table-rows.ts";
import { RowHasher } from "../storage/metadata/tables/row-macs/row-hasher.ts";
import { isSound, nameOf } from "../storage/metadata/tables/row-macs/row-seal.ts";
import { type SealedTableName, sealedTables } from "../storage/metadata/tables/row-macs/sealed-columns.ts";
import { auditFaults, compareTables, type TableDigest } from "./compare.ts";
import { copyRows, removeAllSurplus, segmentsTable } from "./copy-rows.ts";
import { copySegments } from "./copy-segments.ts";
import { CopyError, type CopyOrigin, type CopySource, type CopyTarget } from "./place.ts";

export interface CopyFinding {
  readonly code: "segment-damaged" | "segment-cold" | "row-damaged" | "audit-chain";
  readonly message: string;
  /** The segment's name in its store. */
  readonly segment?: string;
}

export interface CopyTotals {
  /** Segments whose bytes are in the copy, and those of them that this run copied, or read where they stay. */
  segments: number;
  copiedSegments: number;
  copiedBytes: number;
  readSegments: number;
  readBytes: number;
  /** Segments that this run could not read, as they have to be restored first. They are in the copy only if they stay in their bucket. */
  coldSegments: number;
  rows: number;
  /** Places with damage. */
  findings: number;
}

export interface CopyResult {
  readonly totals: CopyTotals;
  /** Whether servers accept the copy. */
  readonly isComplete: boolean;
  /** Whether servers refuse the source. */
  readonly isMoved: boolean;
  /** Whether the archives stay in their bucket. */
  readonly isInPlace: boolean;
  /** The tables of the copy; none while it is not complete. */
  readonly tables: readonly TableDigest[];
}

export interface CopyEvents {
  finding(finding: CopyFinding): void;
  progress(totals: Readonly<CopyTotals>): void;
}

/** A node may have changed the source before it was fenced: then what differs is copied again. */
const attemptsMax = 2;

export interface CopyOptions {
  readonly acceptsDamage: boolean;
  /** Whether the bytes of segments that stay in their bucket are not read. */
  readonly readsFootersOnly: boolean;
}

/**
 * Copies everything, and compares both ends. What is damaged is reported, and ends the copy as incomplete unless it is accepted. A segment that has
 * to be restored before it can be copied is not damaged, and always ends it so.
 */
export async function runCopy(
  ends: { readonly source: CopySource; readonly target: CopyTarget; readonly origin: CopyOrigin },
  { acceptsDamage, readsFootersOnly, ...events }: CopyEvents & CopyOptions,
): Promise<CopyResult> {
  const { source, target, origin } = ends;
  const { isInPlace } = target;
  const { copyId } = origin;
  const mark: CopyMark = { copyId, state: "moved", other: target.name, at: systemClock.now(), isFilled: false };
  for (let attempt = 1; ; attempt += 1) {
    const isRepeated = attempt > 1 || target.isResumed;
    const totals = await copyOnce(ends, { isRepeated, readsFootersOnly }, events);
    if (!isEnough(totals, { isInPlace, acceptsDamage })) {
      const isMoved = !(await release(ends, mark));
      return { totals, isComplete: false, isMoved, isInPlace, tables: [] };
    }
    await source.fence(mark);
    if (totals.findings > 0) {
      await target.noteFilled();
      await copyRows(ends, segmentsTable, () => undefined);
    }
    const { tables, differing } = await compareTables(source.db, target.db);
    if (differing.length === 0) {
      // Somebody may have removed the mark meanwhile, and started a node.
      await source.fence(mark);
      await target.finish();
      return { totals, isComplete: true, isMoved: true, isInPlace, tables };
    }
    if (attempt === attemptsMax) {
      await source.unfence(mark);
      throw new CopyError(
        `The copy is not like its source: ${differing.join("; ")}. Nothing is lost: run the command again`,
      );
    }
  }
}

/** An earlier attempt may have fenced the source. Resolves to false when it has no bucket any more to be served with. */
async function release({ source, target }: Parameters<typeof runCopy>[0], mark: CopyMark): Promise<boolean> {
  const isTakenOver = await target.isTakenOver();
  if (!isTakenOver) {
    await source.unfence(mark);
  }
  return !isTakenOver;
}

const isEnough = (
  { findings, coldSegments }: CopyTotals,
  { isInPlace, acceptsDamage }: { readonly isInPlace: boolean; readonly acceptsDamage: boolean },
): boolean => (findings === 0 || acceptsDamage) && (coldSegments === 0 || isInPlace);

async function copyOnce(
  { source, target, origin }: { readonly source: CopySource; readonly target: CopyTarget; readonly origin: CopyOrigin },
  { isRepeated, readsFootersOnly }: { readonly isRepeated: boolean } & Pick<CopyOptions, "readsFootersOnly">,
  { finding, progress }: CopyEvents,
): Promise<CopyTotals> {
  const totals: CopyTotals = {
    ...{ segments: 0, copiedSegments: 0, copiedBytes: 0, readSegments: 0, readBytes: 0 },
    ...{ coldSegments: 0, rows: 0, findings: 0 },
  };
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
    { source, target, isRepeated, readsFootersOnly },
    {
      onRow: noteRow(segmentsTable),
      onSegment(fileBytes, isNew) {
        totals.segments += 1;
        totals[target.isInPlace ? "readSegments" : "copiedSegments"] += isNew ? 1 : 0;
        totals[target.isInPlace ? "readBytes" : "copiedBytes"] += fileBytes;
        progress(totals);
      },
      onCold(segment) {
        totals.coldSegments += 1;
        if (target.isInPlace) {
          totals.segments += 1;
        } else {
          finding({ code: "segment-cold", message: "it has to be restored before it can be read", segment });
        }
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
