import { join } from "node:path";
import { keyLengthBytes } from "../auth/sealed-box.ts";
import { readPrivateFile } from "../secrets/private-file.ts";
import { readCopyMark, removeCopyMark, writeCopyMark } from "../storage/copy-mark.ts";
import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import { queriesOver } from "../storage/metadata/sqlite/sqlite-connection.ts";
import { type OpenedFolder, openFolder } from "../verify/open-folder.ts";
import { sealingKeyName } from "../verify/sealing-key.ts";
import { filesIn } from "./drivers.ts";
import { CopyError, type CopySource } from "./place.ts";

/**
 * Opens the data folder of a stopped server, which cannot start meanwhile. Rejects when it is in use, or damaged in a way that an operator
 * has to decide about.
 */
export async function openFolderSource(given: string, makeTemporaryFolder: () => string): Promise<CopySource> {
  const folder = await openFolder(given, { makeTemporaryFolder });
  try {
    assertCopyable(folder);
    const { path } = folder;
    return {
      name: path,
      db: queriesOver(folder.database),
      blobs: filesIn(path),
      mark: readCopyMark(path),
      fence: async (mark) => writeCopyMark(path, mark),
      unfence: () => removeCopyMark(path),
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** Reads the sealing key of a source. @param file null for the folder's own */
export function sealingKeyOf(folder: string | null, file: string | null): Buffer {
  const path = file ?? join(folder ?? "", sealingKeyName);
  const key = readPrivateFile(path);
  if (key.length !== keyLengthBytes) {
    throw new CopyError(`${path} is no sealing key: it must hold ${keyLengthBytes} bytes`);
  }
  return key;
}

function assertCopyable({ isRunning, log, path, database }: OpenedFolder): void {
  if (isRunning) {
    throw new CopyError(`${path} is in use by its server: stop it first`);
  }
  if (log === "damaged" || log === "torn") {
    throw new CopyError(
      `The log of the database of ${path} is ${log}: moraine verify and moraine serve say what to do`,
    );
  }
  const applied = database.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
  if (applied.map(({ name }) => name).join() !== migrationNames.join()) {
    throw new CopyError(`The database of ${path} has another schema than this version: start the server once`);
  }
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") {
    throw new CopyError(`The database of ${path} is damaged (${found}): moraine verify says what to do`);
  }
}
