import { readFileSync } from "node:fs";
import { constants, copyFile, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ifPresent, ifPresentSync } from "../../files/missing.ts";
import { type HistoryMarker, markerName, readMarker } from "../../storage/history/marker.ts";
import { migrationNames } from "../../storage/metadata/migrations/migrate.ts";
import { CannotVerifyError, DatabaseLostError, type OpenedFolder, openFolder } from "../../verify/open-folder.ts";
import { appliedMigrations, isHistory } from "../../verify/schema.ts";

/** A stopped folder as it is before a repair. Nothing of it is open: what is read of the database is a copy. */
export interface FolderToRepair extends Disposable {
  readonly path: string;
  /** A copy; null when the database is lost. */
  readonly database: DatabaseSync | null;
  /** Why a new database is built; null when there is one that can be repaired. */
  readonly lost: string | null;
  /** Whether the database is older than the folder. */
  readonly isRestored: boolean;
  /** Names the state of the folder: it is another one once a server has run. */
  readonly state: string;
}

const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

interface Options {
  /** Whether a new database is built although there is one. */
  readonly isRebuilt: boolean;
  makeTemporaryFolder(): string;
}

/** Throws CannotVerifyError when the server runs, or the folder cannot be repaired by this version. */
export async function openForRepair(given: string, options: Options): Promise<FolderToRepair> {
  const opened = await openUnlessLost(given, options);
  if (typeof opened === "string") {
    return lostFolder(given, opened);
  }
  await using folder = opened;
  const { path } = folder;
  if (folder.isRunning) {
    throw new CannotVerifyError(`${path} is in use by its server: stop it first`);
  }
  const lost = options.isRebuilt ? "--rebuild was given" : lossOf(folder);
  if (lost !== null) {
    return lostFolder(given, lost);
  }
  const database = await copyOf(path, options.makeTemporaryFolder());
  return {
    path,
    database,
    lost: null,
    isRestored: isRestored(folder),
    state: stateOf(path),
    [Symbol.dispose]: () => database.close(),
  };
}

/** The folder's database will change while its earlier rows are still asked for. */
async function copyOf(path: string, into: string): Promise<DatabaseSync> {
  for (const end of ["", "-wal"]) {
    await ifPresent(
      copyFile(join(path, `moraine.db${end}`), join(into, `moraine.db${end}`), constants.COPYFILE_FICLONE),
    );
  }
  return new DatabaseSync(join(into, "moraine.db"));
}

/** The marker of the history: it changes when a server opens the database, and when it closes it. */
export const stateOf = (path: string): string =>
  ifPresentSync(() => readFileSync(join(path, markerName), "utf8")) ?? "";

/** Returns the reason when the database is lost. */
async function openUnlessLost(given: string, options: Options): Promise<OpenedFolder | string> {
  try {
    return await openFolder(given, options);
  } catch (error) {
    if (error instanceof DatabaseLostError || isUnreadable(error)) {
      return (error as Error).message;
    }
    throw error;
  }
}

async function lostFolder(given: string, lost: string): Promise<FolderToRepair> {
  const path = await realpath(resolve(given));
  return { path, database: null, lost, isRestored: false, state: stateOf(path), [Symbol.dispose]: () => undefined };
}

/** Null when the database can be repaired as it is. Throws CannotVerifyError when an operator has to decide. */
function lossOf({ database, path, log }: OpenedFolder): string | null {
  let applied: string[];
  try {
    applied = appliedMigrations(database);
  } catch (error) {
    return (error as Error).message;
  }
  const advice =
    "restore it from a backup; or give --rebuild to build a new one from the segments, without keys, policies and locks";
  if (!isHistory(applied)) {
    throw new CannotVerifyError(`The database of ${path} is damaged (its list of migrations): ${advice}`);
  }
  if (applied.length !== migrationNames.length) {
    throw new CannotVerifyError(`The database of ${path} has another schema than this version: start the server once`);
  }
  if (log === "damaged") {
    throw new CannotVerifyError(`The log of the database of ${path} is damaged: ${advice}`);
  }
  const found = messageOf(() => database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"]);
  if (found !== "ok") {
    throw new CannotVerifyError(`The database of ${path} is damaged (${found}): ${advice}`);
  }
  return null;
}

function messageOf(check: () => unknown): string {
  try {
    return String(check());
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether the database is older than its folder, and no server has opened it since it was restored. */
export function isRestored({ path, database }: OpenedFolder): boolean {
  const marker: HistoryMarker | null = readMarker(join(path, markerName));
  const generation = Number(database.prepare("SELECT generation FROM history").get()?.["generation"] ?? 0);
  return marker === null ? generation > 0 : ![generation, generation - 1].includes(marker.generation);
}

function isUnreadable(error: unknown): boolean {
  const code = ((error as { errcode?: number }).errcode ?? 0) % 256;
  return code === sqliteCorrupt || code === sqliteNotADatabase;
}
