import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { idLengths } from "@moraine/protocol";
import { nextPlace } from "../../../domain/stores/next-place.ts";
import { isBlobName } from "../../../storage/blobs/blob-key.ts";
import { packKey } from "../../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../storage/metadata/tables/schema.ts";
import type { Finding } from "../../finding.ts";
import type { OpenedFolder } from "../../open-folder.ts";
import type { Verification } from "../../verification.ts";
import { unreadableName } from "../row-names.ts";
import { hasReadableOwner, SegmentCheck } from "./segment.ts";
import { shelvesOf } from "./shelves.ts";

const blobs = "blobs";
const pageRows = 500;

/**
 * Compares rows with files, both ways, folder by folder: the index of the rows' names has the folders' order. Memory is
 * needed for the names in one folder.
 */
export async function checkFiles(verification: Verification, folder: OpenedFolder): Promise<void> {
  const check = new SegmentCheck(verification);
  await checkRowNames(verification, folder);
  for await (const shelf of shelvesOf(verification, folder)) {
    await checkShelf({ verification, folder, check }, shelf);
    await verification.step();
  }
}

/** Rows whose name is no packed key lie in no folder. */
async function checkRowNames({ found }: Verification, { database }: OpenedFolder): Promise<void> {
  const rows = database.prepare(
    "SELECT CAST(name AS BLOB) AS name FROM segments WHERE length(name) <> 14 OR typeof(name) <> 'blob'",
  );
  for (const { name } of rows.iterate()) {
    found(unreadableName(name));
  }
}

interface Checked {
  readonly verification: Verification;
  readonly folder: OpenedFolder;
  readonly check: SegmentCheck;
}

async function checkShelf({ verification, folder, check }: Checked, shelf: string): Promise<void> {
  // Files come first: a row is written before its file, and goes after it.
  const files = new Set(await namesIn(join(folder.path, blobs, shelf)));
  const prefix = Buffer.from(shelf.replace("/", ""), "hex");
  const page = folder.database.prepare(
    `SELECT * FROM segments WHERE name > ? AND name < ? AND length(name) = 14 ORDER BY name LIMIT ${pageRows}`,
  );
  const end = Buffer.concat([prefix, Buffer.alloc(13, 0xff)]);
  for (let after: Uint8Array | undefined = prefix; after !== undefined; ) {
    const rows = page.all(after, end) as unknown as SegmentRow[];
    for (const row of rows) {
      if (hasReadableOwner(row)) {
        files.delete(keyOf(row).slice(shelf.length + 1));
      }
      await verification.confirmed(async () => check.findingsOf(await check.rowOf(row.name)));
      await verification.step();
    }
    const last = rows.length < pageRows ? undefined : rows.at(-1);
    after = last === undefined ? undefined : nextPlace(after, last.name);
  }
  for (const name of files) {
    await verification.confirmed(() => unknownFile(folder, `${shelf}/${name}`, name));
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") {
      return [];
    }
    throw error;
  });
}

async function unknownFile({ database, path }: OpenedFolder, key: string, name: string): Promise<Finding[]> {
  const file = `${blobs}/${key}`;
  if ((await lstat(join(path, file)).catch(() => null)) === null) {
    return [];
  }
  if (!isBlobName(name)) {
    return [{ code: "file-unknown", message: "the file is no segment", file }];
  }
  const row = database.prepare("SELECT * FROM segments WHERE name = ?").get(packKey(key)) as unknown as
    | SegmentRow
    | undefined;
  if (row !== undefined && keyOf(row) === key) {
    return [];
  }
  const owner = name.slice(0, name.lastIndexOf("."));
  const archive = owner.length === idLengths.archive ? owner : undefined;
  return [{ code: "file-unknown", message: `the database does not know the segment of ${owner}`, archive, file }];
}
