import { setImmediate } from "node:timers/promises";
import { type NameOverride, NamesFileError } from "./name-override.ts";

/** True for the start of a database of SQLite. */
export function isMapping(start: Uint8Array): boolean {
  return Buffer.from(start.subarray(0, 16)).toString("latin1") === "SQLite format 3\0";
}

/**
 * Reads the names in the database of Synology's Glacier Backup: its descriptions have none. The package keeps the files of vault `X` in an
 * archive of vault `X_mapping`, a database of SQLite whose table `file_info_tb` has `archiveID`, `shareName` and `basePath`, as public programs
 * that restore such backups read it. An archive of several equal files has a row for each.
 */
export async function* mappingRows(file: string): AsyncGenerator<NameOverride, void, void> {
  const { DatabaseSync } = await import("node:sqlite");
  try {
    using database = new DatabaseSync(file, { readOnly: true });
    const rows = database.prepare("select archiveID as id, shareName as share, basePath as path from file_info_tb");
    let count = 0;
    for (const { id, share, path } of rows.iterate()) {
      if (typeof id === "string" && typeof path === "string" && id !== "" && path !== "") {
        yield { archiveId: id, path: inShare(share, path), format: "synology" };
      }
      count += 1;
      if (count % 1000 === 0) {
        await setImmediate();
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NamesFileError(
      `Cannot read names from ${file}: ${reason}; expected the database of a _mapping vault of Synology Glacier Backup, or a CSV file`,
      { cause },
    );
  }
}

/** Programs disagree on whether paths begin with the share: it is added where it is missing. */
function inShare(share: unknown, path: string): string {
  const relative = path.replace(/^\/+/, "");
  return typeof share !== "string" || share === "" || relative.startsWith(`${share}/`)
    ? relative
    : `${share}/${relative}`;
}
