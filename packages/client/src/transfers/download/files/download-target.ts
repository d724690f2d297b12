import { createHash } from "node:crypto";
import { readlink, rm, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { neverAborted, type TransferOptions } from "../../events.ts";
import { LockFile, lockOptionsOf } from "../../journal/lock-file.ts";
import { JournalMismatchError, LocalFileError, local, UnusableFileError } from "../../transfer-errors.ts";
import { assertFree, isSameFile, isThere, publish, statsOf } from "./final-name.ts";
import { assertOwnFile, specialKindOf } from "./own-file.ts";

export interface TargetOptions extends TransferOptions {
  readonly target: string;
  readonly overwrite?: boolean | undefined;
}

/**
 * The file that a download results in, and the files next to it, locked against other processes. It is opened before a job is started or
 * waited for: after hours of waiting, only the disk may still make a download fail.
 */
export class DownloadTarget implements AsyncDisposable {
  readonly path: string;
  readonly partial: string;
  readonly journal: string;
  readonly #overwrite: boolean;
  readonly #lock: LockFile;

  private constructor({ path, partial, journal }: Names, overwrite: boolean, lock: LockFile) {
    this.path = path;
    this.partial = partial;
    this.journal = journal;
    this.#overwrite = overwrite;
    this.#lock = lock;
  }

  /**
   * Throws UnusableFileError for a target that cannot become a file, LocalFileError when its folder cannot be written,
   * TargetExistsError, TransferBusyError, and JournalMismatchError for a partial file without a journal.
   */
  static async open({ target, overwrite = false, ...watched }: TargetOptions): Promise<DownloadTarget> {
    await assertUsable(target);
    const names = namesFor(target);
    const lock = await LockFile.take(names.lock, lockOptionsOf(watched)).catch(asFileError);
    const opened = new DownloadTarget(names, overwrite, lock);
    try {
      await removeSecondName(names);
      await Promise.all([names.partial, names.journal, names.job].map(assertOwnIfPresent));
      if (!(await opened.mayBeFinished())) {
        await opened.assertFree();
      }
      return opened;
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Returns a signal that also aborts when another process has taken over the lock. */
  signalWith(signal: AbortSignal = neverAborted): AbortSignal {
    return AbortSignal.any([signal, this.#lock.lost]);
  }

  /**
   * Whether an earlier run may have published the target and ended before it removed the journal. Throws JournalMismatchError for a partial
   * file that has no journal.
   */
  async mayBeFinished(): Promise<boolean> {
    const [hasJournal, hasPartial] = [await isThere(this.journal), await isThere(this.partial)];
    if (hasPartial && !hasJournal) {
      throw new JournalMismatchError(
        `${this.partial} has no journal, so its content is unknown. Choose another target, or remove it`,
      );
    }
    return hasJournal && !hasPartial && (await isThere(this.path));
  }

  /** Throws TargetExistsError when the target exists and may not be overwritten. */
  async assertFree(): Promise<void> {
    if (!this.#overwrite) {
      await assertFree(this.path);
    }
  }

  /** Throws LocalFileError when the file system has less room than the output still needs. */
  async assertRoomFor(sizeBytes: number): Promise<void> {
    const allocatedBytes = ((await statsOf(this.partial))?.blocks ?? 0) * 512;
    const { bavail, blocks, bsize } = await local(statfs(dirname(this.path)));
    const [neededBytes, freeBytes] = [sizeBytes - allocatedBytes, bavail * bsize];
    // Some network file systems do not report their size.
    if (blocks > 0 && neededBytes > freeBytes) {
      throw new LocalFileError(
        `${this.path} needs ${neededBytes} bytes, and its file system has ${freeBytes} bytes free`,
      );
    }
  }

  /** Removes the files of an unfinished download. */
  async discard(): Promise<void> {
    await this.#lock.assertHeld();
    await local(rm(this.partial, { force: true }));
    await local(rm(this.journal, { force: true }));
  }

  /** Removes the journal of a download that is complete. */
  async removeJournal(): Promise<void> {
    await local(rm(this.journal));
  }

  /** Gives the partial file the target's name. It must have been synced. */
  async publish(): Promise<void> {
    await this.#lock.assertHeld();
    await publish(this.partial, this.path, this.#overwrite);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }
}

interface Names {
  readonly path: string;
  readonly partial: string;
  readonly journal: string;
  readonly lock: string;
  /** The file that remembers the job. */
  readonly job: string;
}

/** The longest name that file systems allow. */
const nameBytesMax = 255;
/** The longest suffix of a name: `.partial.lock.` and a UUID. */
const suffixBytesMax = 50;
const digestLength = 16;

/** Returns the path at which a download to the target keeps its bytes. */
export const partialFileOf = (target: string): string => namesFor(target).partial;

export function namesFor(path: string): Names {
  const partial = `${join(dirname(path), stemOf(basename(path)))}.partial`;
  return { path, partial, journal: `${partial}.journal`, lock: `${partial}.lock`, job: `${partial}.job` };
}

/** Returns a name to which suffixes can be appended; a long one is cut, and made unique by its hash. */
function stemOf(name: string): string {
  const stemBytesMax = nameBytesMax - suffixBytesMax;
  if (Buffer.byteLength(name) <= stemBytesMax) {
    return name;
  }
  const kept = Buffer.alloc(stemBytesMax - digestLength - 1);
  // Writes whole characters only.
  const keptBytes = kept.write(name);
  return `${kept.subarray(0, keptBytes).toString()}~${createHash("sha256").update(name).digest("hex").slice(0, digestLength)}`;
}

async function assertUsable(target: string): Promise<void> {
  const folder = dirname(target);
  if (!(await stat(folder).catch(() => null))?.isDirectory()) {
    throw new UnusableFileError(`There is no folder ${folder}`);
  }
  const nameBytes = Buffer.byteLength(basename(target));
  if (nameBytes > nameBytesMax) {
    throw new UnusableFileError(
      `The name of ${target} has ${nameBytes} bytes; a file system allows at most ${nameBytesMax}`,
    );
  }
  const stats = await statsOf(target);
  const kind = stats === null ? null : specialKindOf(stats);
  if (stats?.isSymbolicLink()) {
    throw new UnusableFileError(
      `${target} is ${kind} to ${await local(readlink(target))}; name that file, or remove the link`,
    );
  }
  if (kind !== null) {
    throw new UnusableFileError(`${target} is ${kind}, not a regular file`);
  }
}

/** Removes the partial name of a file that has both names, as a process leaves it that ends while it publishes. */
async function removeSecondName({ path, partial, journal }: Names): Promise<void> {
  if ((await isThere(journal)) && (await isSameFile(partial, path))) {
    await local(rm(partial));
  }
}

async function assertOwnIfPresent(path: string): Promise<void> {
  const stats = await statsOf(path);
  if (stats !== null) {
    await local(assertOwnFile(path, stats));
  }
}

function asFileError(error: unknown): never {
  const isOfFiles = error instanceof Error && "syscall" in error;
  throw isOfFiles ? new LocalFileError(error.message, { cause: error }) : error;
}
