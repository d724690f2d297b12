import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Instant } from "../../domain/time/instant.ts";
import { ifPresentSync } from "../../files/missing.ts";
import { syncPathSync } from "../../files/sync-path.ts";

/**
 * A witness of the database's history that lies outside the database. It is written when a server opens the database and
 * when it has closed it in order, never in between: a commit costs nothing more.
 */
export interface HistoryMarker {
  /** `open` until the server has ended in order: after a crash it still says so. */
  readonly state: "open" | "closed";
  /** The database's own number, which grows with every opening and every closing. */
  readonly generation: number;
  /** When this run, or the last one, began, by the system's clock. */
  readonly since: Instant;
  /** Decides in which folders the blobs of this run lie: see `shelfOf`. */
  readonly shelfSeed: string;
}

export const markerName = "history.json";

/** Null when there is none. Throws when it cannot be read. */
export function readMarker(path: string): HistoryMarker | null {
  const text = ifPresentSync(() => readFileSync(path, "utf8"));
  return text === null ? null : parseMarker(text, path);
}

/** Durable when it returns; a crash leaves the old one or the new one. */
export function writeMarker(path: string, marker: HistoryMarker): void {
  const partial = `${path}.partial`;
  const file = openSync(partial, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify({ format: 1, ...marker })}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
  syncPathSync(dirname(path));
}

function parseMarker(text: string, path: string): HistoryMarker {
  try {
    const { format, state, generation, since, shelfSeed } = JSON.parse(text);
    const isWhole =
      format === 1 &&
      (state === "open" || state === "closed") &&
      Number.isSafeInteger(generation) &&
      Number.isSafeInteger(since) &&
      typeof shelfSeed === "string";
    if (isWhole) {
      return { state, generation, since, shelfSeed };
    }
  } catch {
    // Reported below, with the other forms of damage.
  }
  throw new Error(`The file ${path} is damaged: ${advice}`);
}

const advice =
  "restore the data folder from a backup; or, if only this file is damaged, remove it and start again: then nothing " +
  "that the database holds for unfinished is removed";
