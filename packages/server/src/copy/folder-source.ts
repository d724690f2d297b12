import { join } from "node:path";
import { keyLengthBytes } from "../auth/sealed-box.ts";
import { readPrivateFile } from "../secrets/private-file.ts";
import { readCopyMark, removeCopyMark, writeCopyMark } from "../storage/copy-mark.ts";
import { quarantineTotals } from "../storage/history/quarantine.ts";
import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import { queriesOver } from "../storage/metadata/sqlite/sqlite-connection.ts";
import { bucketOf, readBinding } from "../storage/s3/binding-file.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";
import { historyFindings } from "../verify/checks/history.ts";
import { type OpenedFolder, openFolder } from "../verify/open-folder.ts";
import { sealingKeyName } from "../verify/sealing-key.ts";
import type { FolderPlace } from "./arguments.ts";
import { openSourceBucket } from "./buckets.ts";
import { filesIn } from "./drivers.ts";
import { assertNotMoved, CopyError, type CopySource, isSameCopy } from "./place.ts";

/**
 * Opens the data folder of a stopped server, which cannot start meanwhile. Rejects when it is in use, or damaged in a way that an operator
 * has to decide about.
 */
export async function openFolderSource(given: FolderPlace, makeTemporaryFolder: () => string): Promise<CopySource> {
  const folder = await openFolder(given.path, { makeTemporaryFolder, isBucketAllowed: true });
  try {
    assertCopyable(folder);
    assertHistory(folder);
    const { path } = folder;
    const { blobs, bound, close } = await openArchives(path, given.blobs);
    return {
      name: path,
      db: queriesOver(folder.database),
      ...{ blobs, bound },
      mark: readCopyMark(path),
      async fence(mark) {
        assertNotMoved(readCopyMark(path), mark, path);
        writeCopyMark(path, mark);
      },
      async unfence(mark) {
        const present = readCopyMark(path);
        if (present !== null && isSameCopy(present, mark)) {
          await removeCopyMark(path);
        }
      },
      async [Symbol.asyncDispose]() {
        await close();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function openArchives(path: string, url: BucketUrl | null) {
  const place = bucketOf(path);
  if (url === null && place !== null) {
    throw new CopyError(`The archives of ${path} are in ${place}: give --from-blobs ${place}`);
  }
  if (url === null) {
    return { blobs: filesIn(path), bound: null, close: async () => undefined };
  }
  if (place === null) {
    throw new CopyError(`${path} holds its archives as files: leave --from-blobs out`);
  }
  const metadata = { name: path, bindings: { read: async () => readBinding(path) } };
  const { files: keptObjects } = await quarantineTotals(path);
  const { blobs, bound } = await openSourceBucket(url, metadata, keptObjects);
  return { blobs, bound, close: () => blobs.close() };
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

/** A copy has no history of its own: what an older database no longer refers to would be removed for it. */
function assertHistory(folder: OpenedFolder): void {
  const [found] = historyFindings(folder);
  if (found !== undefined) {
    throw new CopyError(`${folder.path}: ${found.message}. Start its server once, which says what to do`);
  }
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
