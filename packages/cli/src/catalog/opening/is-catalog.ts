import { closeSync, openSync, readSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { isDamage, toCatalogError } from "../catalog-error.ts";
import { applicationId } from "../schema.ts";

/** Place of the application's id in a file of SQLite, in bytes. */
const idPosition = 68;

/** Whether a file is a catalogue. It is read as it lies there, since it may be damaged; and by SQLite, since a new one may still be in its log. */
export const isCatalog = (path: string): boolean =>
  storedId(path) === applicationId || openedId(path) === applicationId;

function storedId(path: string): number {
  const bytes = Buffer.alloc(4);
  const file = openSync(path, "r");
  try {
    readSync(file, bytes, { position: idPosition });
    return bytes.readUInt32BE();
  } finally {
    closeSync(file);
  }
}

function openedId(path: string): unknown {
  try {
    using database = new DatabaseSync(path, { readOnly: true });
    return database.prepare("PRAGMA application_id").get()?.["application_id"];
  } catch (error) {
    if (!isDamage(error)) {
      throw toCatalogError(error, path);
    }
    return null;
  }
}
