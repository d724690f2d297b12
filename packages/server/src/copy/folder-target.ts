import { mkdir, readdir, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { systemClock } from "../clock/clocks.ts";
import { assertPlace } from "../storage/bucket-binding.ts";
import { type CopyMark, copyMarkName, readCopyMark, removeCopyMark, writeCopyMark } from "../storage/copy-mark.ts";
import type { DataFolder } from "../storage/data-folder.ts";
import { createTables, migrate } from "../storage/metadata/migrations/migrate.ts";
import { isLogMoved, moveWholeLog } from "../storage/metadata/sqlite/log/move-log.ts";
import { type Connection, openWriting } from "../storage/metadata/sqlite/sqlite-connection.ts";
import { type Binding, readBinding, writeBinding } from "../storage/s3/binding-file.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";
import type { FolderPlace } from "./arguments.ts";
import { assertOwn, openTargetBucket, type TargetBucket } from "./buckets.ts";
import { filesIn, takeFolder } from "./drivers.ts";
import { assertNotElsewhere, assertOwnMark, CopyError, type CopyOrigin, type CopyTarget } from "./place.ts";
import { oneAfterTheOther } from "./turns.ts";

/** Transactions after which the log is moved into the database, so that it stays short. */
const writesPerCheckpoint = 20;

/** Opens an empty folder, or one of the same copy that was interrupted; null when it was complete. */
export async function openFolderTarget(given: FolderPlace, origin: CopyOrigin): Promise<CopyTarget | null> {
  const path = await makeFolder(resolve(given.path));
  const earlier = await claimFolder(path, origin);
  if (earlier === "complete") {
    return null;
  }
  const started = new AsyncDisposableStack();
  try {
    const folder = await takeFolder(path);
    started.defer(() => folder.release());
    // A run that had them elsewhere has written rows whose bytes would be missing here.
    assertPlace(folder, given.blobs?.name ?? null);
    const { blobs, isInPlace, takeOver, isTakenOver, clear } = await openArchives(path, given.blobs, origin);
    started.defer(() => blobs.close());
    const connection = await openDatabase(folder, origin);
    started.defer(() => connection.database.close());
    const turns = oneAfterTheOther();
    let writes = 0;
    let isFilled = earlier?.isFilled ?? false;
    return {
      ...{ name: path, isResumed: earlier !== null },
      ...{ isInPlace, isTakenOver, blobs, clear, db: connection.db },
      write: (work) =>
        turns(async () => {
          await inTransaction(connection, () => work(connection.db));
          writes += 1;
          if (writes % writesPerCheckpoint === 0) {
            isLogMoved(connection.database, "RESTART");
          }
        }),
      get isFilled() {
        return isFilled;
      },
      async noteFilled() {
        writeCopyMark(path, { ...markOf(origin), isFilled: true });
        isFilled = true;
      },
      async finish() {
        moveWholeLog(connection, "TRUNCATE");
        await takeOver();
        await removeCopyMark(path);
      },
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

async function openArchives(
  path: string,
  url: BucketUrl | null,
  origin: CopyOrigin,
): Promise<TargetBucket & Pick<CopyTarget, "clear">> {
  if (url !== null) {
    const bindings = {
      read: async () => readBinding(path),
      write: (binding: Binding) => writeBinding(path, binding),
    };
    // An object is replaced by one of the same bytes.
    return { ...(await openTargetBucket(url, { name: path, bindings }, origin)), clear: async () => undefined };
  }
  await assertOwn(origin.bound);
  const blobs = filesIn(path);
  await blobs.prepare();
  const clear = async (keys: readonly string[]) => {
    const failures = await blobs.remove(keys);
    if (failures === null) {
      throw new CopyError(`${path} is being backed up: end that first`);
    }
    const [failure] = failures;
    if (failure !== undefined) {
      throw failure.error;
    }
  };
  return { blobs, isInPlace: false, takeOver: async () => undefined, isTakenOver: async () => false, clear };
}

async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700, recursive: true });
    return await realpath(path);
  } catch (error) {
    throw new CopyError(`The folder ${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

const markOf = ({ copyId, sourceName }: CopyOrigin): CopyMark => ({
  ...{ copyId, state: "incomplete", other: sourceName, at: systemClock.now(), isFilled: false },
});

/** Marks the folder as the target of this copy. Resolves to the mark of an earlier run, if it was interrupted; null if there was none. */
async function claimFolder(path: string, origin: CopyOrigin): Promise<CopyMark | "complete" | null> {
  assertNotElsewhere(origin, path);
  const mark = readCopyMark(path);
  if (mark !== null) {
    assertOwnMark(mark, path, origin);
    return mark;
  }
  const names = (await readdir(path)).filter((name) => name !== "lost+found" && !name.startsWith(copyMarkName));
  if (names.length > 0 && origin.movedTo === path) {
    return "complete";
  }
  if (names.length > 0) {
    throw new CopyError(`${path} is not empty (it holds ${names[0]}): choose a folder that is`);
  }
  writeCopyMark(path, markOf(origin));
  return null;
}

/** Makes the tables, unless an earlier run has. */
async function openDatabase({ databaseFile }: DataFolder, { rowKey }: CopyOrigin): Promise<Connection> {
  const connection = openWriting(databaseFile, true);
  try {
    await createTables(connection, true);
    await migrate(connection, { mayCreate: true, secret: { key: rowKey, newDataKey: null } });
    return connection;
  } catch (error) {
    connection.database.close();
    throw error;
  }
}

async function inTransaction({ database }: Connection, work: () => Promise<void>): Promise<void> {
  database.exec("BEGIN IMMEDIATE");
  try {
    await work();
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) {
      database.exec("ROLLBACK");
    }
    throw error;
  }
}
