import { nextPlace } from "../../../domain/stores/next-place.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import { isOutOfSpace } from "../../blobs/disk.ts";
import { type HistoryMarker, readMarker, writeMarker } from "../../history/marker.ts";
import { quarantine } from "../../history/quarantine.ts";
import { literal, manyRows, oneRow, rowsChanged } from "../prepared.ts";
import { keyOf } from "../tables/rows.ts";
import type { Database } from "../tables/schema.ts";
import { nextKey } from "../tables/segments.ts";
import { storedKey } from "../tables/stored-values.ts";
import { isLogMoved, moveWholeLog } from "./log/move-log.ts";
import type { Connection } from "./sqlite-connection.ts";
import { failureOf } from "./sqlite-failure.ts";

const pageRows = 1000;

/** Where the history of a database is kept outside it, and what was found there. */
export interface HistoryOptions {
  readonly dataFolder: string;
  readonly markerFile: string;
  readonly openedAt: Instant;
  readonly shelfSeed: string;
  /** Whether the last transaction of the log was lost in part. */
  readonly isLogTorn: boolean;
}

/** Findings of a start about the database. */
export interface HistoryReport {
  /** Set when the database is not the one that the last run left: it was restored from a copy. */
  readonly restored: { readonly generation: number; readonly expected: number | null } | null;
  /** How many segments were kept in the quarantine. */
  readonly quarantined: number;
}

/**
 * Begins a new generation, before anything is acknowledged. A copy of the database that is older than the marker does not
 * know what became of its unfinished segments: their bytes are quarantined before they can be swept.
 *
 * A kill at any point leaves a marker and a database that agree, or differ as before.
 */
export async function beginGeneration(connection: Connection, options: HistoryOptions): Promise<HistoryReport> {
  const { db } = connection;
  const { markerFile, openedAt, shelfSeed } = options;
  const generation = await generationOf(db);
  const marker = readMarker(markerFile) ?? (generation === 0 ? firstMarker(options) : null);
  const isRestored = marker === null || !agree(marker, generation);
  const quarantined = await quarantineUnfinished(db, options, isRestored);
  const next = Math.max(generation, marker?.generation ?? 0) + 1;
  await setGeneration(db, { generation: next });
  moveWholeLog(connection, "TRUNCATE");
  // From now on until the end there is always something in the log, so that its loss is noticed.
  await setOpened(db, { openedAt });
  writeMarker(markerFile, { state: "open", generation: next, since: openedAt, shelfSeed });
  return {
    restored: isRestored ? { generation, expected: marker?.generation ?? null } : null,
    quarantined,
  };
}

/**
 * Ends the generation: the database is complete without its log, and the marker says so. Nothing may be changed any more. False when
 * the disk is full, or another program reads the log: then the generation stays open.
 */
export async function endGeneration(connection: Connection, options: HistoryOptions): Promise<boolean> {
  const { database, db, path } = connection;
  const { markerFile, openedAt, shelfSeed } = options;
  try {
    const generation = (await generationOf(db)) + 1;
    await setGeneration(db, { generation });
    if (!isLogMoved(database, "TRUNCATE")) {
      return false;
    }
    writeMarker(markerFile, { state: "closed", generation, since: openedAt, shelfSeed });
    return true;
  } catch (error) {
    if (failureOf(error, path) === "full" || isOutOfSpace(error)) {
      return false;
    }
    throw error;
  }
}

/** The database changes first: it is one ahead when the process ended between the two. */
function agree(marker: HistoryMarker, generation: number): boolean {
  return generation === marker.generation || generation === marker.generation + 1;
}

/** A database that was never counted, by an earlier version or at the very first start, is taken as it is. */
function firstMarker({ markerFile, openedAt, shelfSeed }: HistoryOptions): HistoryMarker {
  const marker = { state: "open", generation: 0, since: openedAt, shelfSeed } as const;
  writeMarker(markerFile, marker);
  return marker;
}

/**
 * Pages of the segments whose bytes may be more than the database knows. Of a copy, all that was unfinished in it. After a torn
 * log, all that was intended. Otherwise only what names a living archive as its owner, which contradicts its state.
 */
async function* segmentsToKeep(db: Database, history: "restored" | "torn" | "whole"): AsyncIterable<string[]> {
  switch (history) {
    case "restored":
      yield keysOf(await selectPending(db, {}));
      yield* inPages((page) => selectDead(db, page));
      // The copy does not know whether the upload was completed: its parts may be an archive's.
      yield* partsOfOpenUploads(db);
      break;
    case "torn":
      yield keysOf(await selectPending(db, {}));
      break;
    default:
      yield keysOf(await selectPendingOfLiving(db, {}));
  }
}

type NamedRow = Parameters<typeof keyOf>[0];

const keysOf = (rows: readonly NamedRow[]): string[] => rows.map(keyOf);

interface Page {
  readonly afterKey: string;
  readonly limit: number;
}

async function* inPages(select: (page: Page) => Promise<readonly NamedRow[]>): AsyncIterable<string[]> {
  for (let afterKey: string | null = ""; afterKey !== null; ) {
    const rows = await select({ afterKey, limit: pageRows });
    yield keysOf(rows);
    const last = rows.at(pageRows - 1);
    afterKey = last === undefined ? null : nextKey(afterKey, last);
  }
}

async function* partsOfOpenUploads(db: Database): AsyncIterable<string[]> {
  for (const { archive_head: owner } of await selectOpenUploads(db, {})) {
    for (let afterByte: number | null = -1; afterByte !== null; ) {
      const parts: Awaited<ReturnType<typeof selectParts>> = await selectParts(db, {
        owner,
        afterByte,
        limit: pageRows,
      });
      yield keysOf(parts);
      const last = parts.at(pageRows - 1);
      afterByte = last === undefined ? null : nextPlace(afterByte, last.first_byte);
    }
  }
}

async function quarantineUnfinished(db: Database, options: HistoryOptions, isRestored: boolean): Promise<number> {
  let kept = 0;
  for await (const keys of segmentsToKeep(db, isRestored ? "restored" : options.isLogTorn ? "torn" : "whole")) {
    kept += quarantine(options.dataFolder, keys);
  }
  return kept;
}

async function generationOf(db: Database): Promise<number> {
  return (await selectGeneration(db, {}))?.generation ?? 0;
}

const selectGeneration = oneRow((db, _none: object) => db.selectFrom("history").select("generation"));

const setGeneration = rowsChanged((db, { generation }: { generation: number }) =>
  db.updateTable("history").set({ generation }),
);

const setOpened = rowsChanged((db, { openedAt }: { openedAt: Instant }) =>
  db.updateTable("history").set({ opened_at: openedAt }),
);

const nameColumns = ["segments.name", "segments.owner_head", "segments.owner_tail"] as const;

// Not in pages: there are no more of them than uploads were under way. In the order of their names, all segments would be visited.
const selectPending = manyRows((db, _none: object) =>
  db.selectFrom("segments").select(nameColumns).where("state", "=", literal("pending")),
);

const selectPendingOfLiving = manyRows((db, _none: object) =>
  db
    .selectFrom("segments")
    .innerJoin("archives", "archives.id_head", "segments.owner_head")
    .select(nameColumns)
    .where("segments.state", "=", literal("pending"))
    .where("archives.deleted_at", "is", null),
);

const selectDead = manyRows((db, { afterKey, limit }: Page) =>
  db
    .selectFrom("segments")
    .select(nameColumns)
    .where("state", "=", literal("dead"))
    .where("name", ">", storedKey(afterKey))
    .orderBy("name")
    .limit(limit),
);

const selectOpenUploads = manyRows((db, _none: object) =>
  db.selectFrom("uploads").select("archive_head").where("state", "=", literal("open")),
);

const selectParts = manyRows((db, at: { owner: Uint8Array; afterByte: number; limit: number }) =>
  db
    .selectFrom("segments")
    .select([...nameColumns, "first_byte"])
    .where("owner_head", "=", at.owner)
    .where("first_byte", ">", at.afterByte)
    .orderBy("first_byte")
    .limit(at.limit),
);
