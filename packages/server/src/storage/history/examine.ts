import { join } from "node:path";
import { type DataFolder, DataFolderError } from "../data-folder.ts";
import { hasNoLog, type Inspection, inspectDatabase } from "../metadata/sqlite/inspection.ts";
import { examineLog, type LogState } from "../metadata/sqlite/log/log-file.ts";
import { type HistoryMarker, markerName, readMarker } from "./marker.ts";
import { recentBlobs } from "./recent-blobs.ts";

export interface ExaminedHistory {
  /** Whether there is nothing yet that a fresh database would hide. */
  readonly mayCreate: boolean;
  /** Whether the last transaction of the log was lost in part. */
  readonly isLogTorn: boolean;
}

/**
 * Refuses a folder whose database has lost what it once acknowledged, before anything in it is changed: throws
 * `DataFolderError` with what is wrong and what to do. For a folder whose lock this process holds.
 */
export function examineHistory({ path: folder, databaseFile, markerFile, hasBlobs }: DataFolder): ExaminedHistory {
  const marker = readMarker(markerFile);
  const log = examineLog(`${databaseFile}-wal`);
  if (log === "damaged") {
    throw lost(folder, `the log ${databaseFile}-wal is damaged: committed changes are missing in the middle of it`);
  }
  const isFresh = (marker === null || marker.generation === 0) && !hasBlobs;
  const database = inspectDatabase(databaseFile, log);
  try {
    if (!isFresh) {
      assertPresent(folder, databaseFile, database);
      assertOwnLog(folder, databaseFile, log);
    }
    if (marker?.state === "open" && !isOtherGeneration(database, marker)) {
      assertLog(folder, databaseFile, { log, marker });
      assertKnown(folder, marker, database);
    }
  } finally {
    if (database.state === "readable") {
      database.close();
    }
  }
  return { mayCreate: isFresh, isLogTorn: log === "torn" };
}

/** Another generation was restored from a copy, or was being opened or closed when the process ended. */
function isOtherGeneration(database: Inspection, marker: HistoryMarker): boolean {
  return database.state === "readable" && database.generation !== marker.generation;
}

function assertPresent(folder: string, databaseFile: string, { state }: Inspection): void {
  if (state === "missing") {
    throw new DataFolderError(
      `The data folder ${folder} has been in use, but its database ${databaseFile} is missing or empty; ` +
        "restore it from a backup: nothing was changed",
    );
  }
}

function assertOwnLog(folder: string, databaseFile: string, log: LogState): void {
  if (log !== "empty" && hasNoLog(databaseFile)) {
    throw new DataFolderError(
      `The data folder ${folder} holds a copy of a database with the log of another: remove ${databaseFile}-wal and ` +
        `${databaseFile}-shm if ${databaseFile} was restored from a backup, and start again; nothing was changed`,
    );
  }
}

/** From the moment in which the marker says `open` until the end, the log has something in it. */
function assertLog(
  folder: string,
  databaseFile: string,
  { log, marker }: { log: LogState; marker: HistoryMarker },
): void {
  if (log === "empty" && marker.generation > 0) {
    throw lost(
      folder,
      `the server did not end in order at its last run, since ${iso(marker)}, and the log ${databaseFile}-wal is missing ` +
        "or empty: the last changes are lost",
    );
  }
}

/** A segment's intent is durable before its file can be seen. */
function assertKnown(folder: string, marker: HistoryMarker, database: Inspection): void {
  const unknown = database.state === "readable" ? database.unknownOf(recentBlobs(join(folder, "blobs"), marker)) : [];
  if (unknown.length > 0) {
    throw lost(
      folder,
      `it holds ${unknown.length} segments, stored since ${iso(marker)}, that the database does not know (${unknown[0]} is one): ` +
        "the last changes are lost",
    );
  }
}

function lost(folder: string, what: string): DataFolderError {
  return new DataFolderError(
    `The data folder ${folder} has lost acknowledged changes: ${what}; nothing was changed. Restore the database from a ` +
      `backup, remove its -wal, -shm and ${markerName}, and start again. Without a backup, copy the folder, then remove ` +
      `${markerName} and a damaged -wal: the server starts with what is left, and removes nothing that may have been stored since`,
  );
}

const iso = ({ since }: HistoryMarker): string => new Date(since).toISOString();
