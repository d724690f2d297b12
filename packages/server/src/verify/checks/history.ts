import { join } from "node:path";
import { type HistoryMarker, markerName, readMarker } from "../../storage/history/marker.ts";
import { hasNoLog } from "../../storage/metadata/sqlite/inspection.ts";
import type { Finding } from "../finding.ts";
import type { OpenedFolder } from "../open-folder.ts";
import type { Verification } from "../verification.ts";

/** Compares the marker, the log and the database: docs/storage-format.md, "The history". */
export async function checkHistory(verification: Verification, folder: OpenedFolder): Promise<void> {
  await verification.confirmed(() => historyFindings(folder));
}

/** Returns what contradicts each other. */
export function historyFindings({ path, log, database, isRunning }: OpenedFolder): Finding[] {
  if (log === "damaged") {
    return [finding("log-damaged", "committed changes are missing in the middle of the log", "moraine.db-wal")];
  }
  if (log !== null && log !== "empty" && hasNoLog(join(path, "moraine.db"))) {
    return [finding("log-damaged", "a copy of a database lies next to the log of another", "moraine.db-wal")];
  }
  let marker: HistoryMarker | null;
  try {
    marker = readMarker(join(path, markerName));
  } catch (error) {
    return [finding("history-broken", (error as Error).message, markerName)];
  }
  const generation = Number(database.prepare("SELECT generation FROM history").get()?.["generation"] ?? 0);
  if (marker === null) {
    return generation === 0 ? [] : [finding("history-broken", `${markerName} is missing`, markerName)];
  }
  const isNext = generation === marker.generation + 1;
  if (generation !== marker.generation && !isNext) {
    const message = `the database is of generation ${generation}, and ${markerName} says ${marker.generation}: it was restored from a copy`;
    return [finding("history-broken", message, markerName)];
  }
  if (!isRunning && !isNext && marker.state === "open" && marker.generation > 0 && log === "empty") {
    const message = "the last run did not end in order, and the log is missing or empty: the last changes are lost";
    return [finding("log-lost", message, "moraine.db-wal")];
  }
  return [];
}

const finding = (code: Finding["code"], message: string, file: string): Finding => ({ code, message, file });
