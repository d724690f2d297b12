import { randomBytes, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import { errorCode, ifPresent } from "../../files/missing.ts";
import { type Disk, isFull } from "./disk.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const probeMode = 0o400;
const probeBytes = 64;
/** No blob and no shard folder has such a name. */
export const probePrefix = "probe.";

export interface ProbedFolders {
  readonly blobs: string;
  readonly tmp: string;
  /** Syncs the folder `blobs`. */
  syncBlobs(): Promise<void>;
  /** Runs a sync of a file. */
  watch(sync: () => Promise<void>): Promise<void>;
}

/**
 * Stores a file as blobs are stored: written and synced in `tmp`, linked into `blobs`, that folder synced, read back. Rejects,
 * with the step that failed, where blobs could not be kept safely. Resolves to whether the disk is full: that is no reason to
 * reject, since reads and deletions need no room.
 */
export async function probeStorage(disk: Disk, folders: ProbedFolders): Promise<boolean> {
  const name = `${probePrefix}${randomUUID()}`;
  const temporary = join(folders.tmp, name);
  const final = join(folders.blobs, name);
  const written = randomBytes(probeBytes);
  const step = async (what: string, run: () => Promise<unknown>) => {
    await run().catch((error: unknown) => {
      throw isFull(error) ? error : new Error(`${what}: ${(error as Error).message}`, { cause: error });
    });
  };
  try {
    await step(`Cannot write and sync a file in ${folders.tmp}`, () => write(disk, folders, temporary, written));
    await step(`Cannot link a file from ${folders.tmp} into ${folders.blobs}, which must be on one file system`, () =>
      disk.link(temporary, final),
    );
    await step(`Cannot sync the folder ${folders.blobs}`, () => folders.syncBlobs());
    await step(`Cannot read back from ${folders.blobs}`, () => compare(disk, final, written));
    await step(`A link in ${folders.blobs} does not keep its name to itself`, () =>
      expectTaken(disk, temporary, final),
    );
    return false;
  } catch (error) {
    if (!isFull(error)) {
      throw error;
    }
    return true;
  } finally {
    await ifPresent(disk.unlink(final));
    await ifPresent(disk.unlink(temporary));
  }
}

/** Removes what an interrupted probe left in `blobs`. */
export async function sweepProbes(disk: Disk, blobs: string): Promise<void> {
  const names = await disk.readdir(blobs);
  for (const name of names.filter((name) => name.startsWith(probePrefix))) {
    await ifPresent(disk.unlink(join(blobs, name)));
  }
}

async function write(disk: Disk, { watch }: ProbedFolders, path: string, bytes: Buffer): Promise<void> {
  const file = await disk.open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, probeMode);
  try {
    const { bytesWritten } = await file.write(bytes, 0, bytes.length, 0);
    if (bytesWritten !== bytes.length) {
      throw new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`);
    }
    await watch(() => file.sync());
  } finally {
    await file.close();
  }
}

async function compare(disk: Disk, path: string, expected: Buffer): Promise<void> {
  const file = await disk.open(path, O_RDONLY | O_NOFOLLOW);
  try {
    const found = Buffer.alloc(expected.length);
    const { bytesRead } = await file.read(found, 0, found.length, 0);
    if (bytesRead !== expected.length || !found.equals(expected)) {
      throw new Error("the bytes differ from those that were written");
    }
  } finally {
    await file.close();
  }
}

/** A commit relies on it that a link never replaces a file. */
async function expectTaken(disk: Disk, from: string, to: string): Promise<void> {
  const error = await disk.link(from, to).then(
    () => new Error("a second link replaced the first"),
    (refusal: unknown) => (errorCode(refusal) === "EEXIST" ? null : refusal),
  );
  if (error !== null) {
    throw error;
  }
}
