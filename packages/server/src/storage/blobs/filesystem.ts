import { constants } from "node:fs";
import * as nodeFiles from "node:fs/promises";
import { dirname, join } from "node:path";
import { invariant } from "../../domain/invariant.ts";
import type {
  BlobDriver,
  BlobPage,
  BlobReader,
  BlobWriter,
  RemovalFailure,
  UncachedReader,
} from "../../domain/stores/blob-store.ts";
import type { StorageReport } from "../../domain/stores/storage-report.ts";
import { errorCode, ifPresent } from "../../files/missing.ts";
import { quarantineName } from "../history/quarantine.ts";
import { KeySource, partsOf } from "./blob-key.ts";
import { type Disk, toDomainError, toOpenError } from "./disk.ts";
import { listFiles } from "./filesystem-list.ts";
import { FilesystemBlobReader } from "./filesystem-reader.ts";
import { removeFiles } from "./filesystem-removal.ts";
import { FilesystemBlobWriter } from "./filesystem-writer.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { diskFullOf, FreeSpace } from "./free-space.ts";
import { probeStorage, sweepProbes } from "./probe.ts";
import { makeRemovalLock, unlessHeld } from "./removal-lock.ts";
import { SyncHealth } from "./sync-health.ts";
import { UncachedBlobReader } from "./uncached-reader.ts";

const { O_CREAT, O_DIRECT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;
const folderMode = 0o700;
/** A blob that is opened again cannot be changed; the handle that made it can still write. */
const blobMode = 0o400;
/** While a blob is opened a second time. */
const openingMode = 0o600;
/** Shorter blobs are not worth a second handle. */
const directBytesMin = 1024 ** 2;

/** Keeps blobs as files: `blobs/ab/cd/<ownerId>.<nonce>` once they are whole and durable, in `tmp/` before. */
export class FilesystemBlobStore implements BlobDriver {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #blobs: string;
  readonly #tmp: string;
  readonly #keys: KeySource;
  readonly #health: SyncHealth;
  readonly #folderSyncs: FolderSyncs;
  /** The room of the disk. */
  readonly space: FreeSpace;
  readonly #shelves = new Map<string, Promise<void>>();
  #prepared = false;

  /**
   * @param folder the data folder, whose lock this process holds.
   * @param shelfSeed decides in which folders new blobs lie.
   * @param onSync called with the time that each sync took.
   */
  constructor(folder: string, disk: Disk = nodeFiles, shelfSeed?: string, onSync?: (seconds: number) => void) {
    this.#health = new SyncHealth(onSync);
    this.#keys = new KeySource(shelfSeed);
    this.#disk = disk;
    this.#folder = folder;
    this.#blobs = join(folder, "blobs");
    this.#tmp = join(folder, "tmp");
    this.#folderSyncs = new FolderSyncs(disk, this.#health);
    this.space = new FreeSpace(disk, this.#blobs);
  }

  /** Once, before all else: sweeps what a crash left in `tmp/`, and rejects where blobs could not be kept safely. A full disk is no reason. */
  async prepare(): Promise<{ readonly isFull: boolean }> {
    await this.#disk.mkdir(this.#blobs, { recursive: true, mode: folderMode });
    await this.#disk.mkdir(this.#tmp, { recursive: true, mode: folderMode });
    await this.#folderSyncs.sync(this.#folder);
    const [blobs, tmp] = await Promise.all([this.#disk.stat(this.#blobs), this.#disk.stat(this.#tmp)]);
    if (blobs.dev !== tmp.dev) {
      throw new Error(`${this.#blobs} and ${this.#tmp} lie on different file systems; they must share one`);
    }
    for (const name of await this.#disk.readdir(this.#tmp)) {
      await this.#disk.rm(join(this.#tmp, name), { recursive: true, force: true });
    }
    makeRemovalLock(this.#folder);
    await sweepProbes(this.#disk, this.#blobs);
    const isFull = await probeStorage(this.#disk, {
      blobs: this.#blobs,
      tmp: this.#tmp,
      syncBlobs: () => this.#folderSyncs.sync(this.#blobs),
      watch: (sync) => this.#health.watch(sync),
    });
    this.#prepared = true;
    return { isFull };
  }

  /** Why nothing new is stored; null while blobs are accepted. */
  get readOnly(): StorageReport["readOnly"] {
    const { readOnlyReason } = this.#health;
    if (readOnlyReason !== null) {
      return { kind: "failed_syncs", reason: readOnlyReason };
    }
    return diskFullOf(this.space);
  }

  newKey(ownerId: string): string {
    return this.#keys.next(ownerId);
  }

  async create(key: string, sizeBytesMax: number, sizeBytesMin = sizeBytesMax): Promise<BlobWriter> {
    const { shelf, name } = partsOf(key);
    invariant(this.#prepared, "the store is prepared before the first blob");
    this.#health.assertTrusted();
    try {
      (await this.space.claim(sizeBytesMin)).release();
      await this.#makeShelf(shelf);
      return await this.#begin(join(this.#tmp, name), join(this.#blobs, key), sizeBytesMax);
    } catch (error) {
      this.space.noteFailure(error);
      throw toDomainError(error);
    }
  }

  async open(key: string): Promise<BlobReader> {
    partsOf(key);
    const file = await this.#disk.open(join(this.#blobs, key), O_RDONLY | O_NOFOLLOW).catch((error: unknown) => {
      throw toOpenError(key, error);
    });
    try {
      return new FilesystemBlobReader(file, (await file.stat()).size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async openUncached(key: string, scratch: Uint8Array): Promise<UncachedReader> {
    const cached = await this.open(key);
    const path = join(this.#blobs, key);
    const direct = await this.#disk.open(path, O_DIRECT | O_NOFOLLOW | O_RDONLY).catch(async (error: unknown) => {
      if (errorCode(error) === "EINVAL") {
        return null;
      }
      await cached.close();
      throw toOpenError(key, error);
    });
    return new UncachedBlobReader(cached, direct, scratch);
  }

  list(prefix: string): AsyncIterable<BlobPage> {
    return listFiles(this.#blobs, prefix);
  }

  /** Moves a blob out of its place, durably: its bytes stay in the folder `quarantine`. Does nothing when there is none. */
  async quarantine(key: string): Promise<void> {
    const { name } = partsOf(key);
    const [path, folder] = [join(this.#blobs, key), join(this.#folder, quarantineName)];
    await this.#disk.mkdir(folder, { recursive: true, mode: folderMode });
    await this.#folderSyncs.sync(this.#folder);
    if ((await ifPresent(linkUnderFreeName(this.#disk, path, join(folder, name)))) === null) {
      return;
    }
    await this.#folderSyncs.sync(folder);
    await this.#disk.unlink(path);
    await this.#folderSyncs.sync(dirname(path));
  }

  async remove(keys: readonly string[]): Promise<RemovalFailure[] | null> {
    const removal = { disk: this.#disk, folderSyncs: this.#folderSyncs, blobs: this.#blobs };
    return unlessHeld(this.#folder, () => removeFiles(keys, removal)).catch((error: unknown) =>
      keys.map((key) => ({ key, error })),
    );
  }

  async close(): Promise<void> {
    // Nothing runs between the calls.
  }

  async #begin(temporaryPath: string, finalPath: string, sizeBytesMax: number): Promise<FilesystemBlobWriter> {
    const isLong = sizeBytesMax >= directBytesMin;
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;
    const file = await this.#disk.open(temporaryPath, flags, isLong ? openingMode : blobMode);
    try {
      const direct = isLong ? await this.#openDirect(temporaryPath, file) : null;
      return new FilesystemBlobWriter(this.#disk, this.#health, {
        file,
        direct,
        temporaryPath,
        sizeBytesMax,
        space: this.space,
        publish: () => this.#leavingBadShelf(this.#publish(temporaryPath, finalPath)),
      });
    } catch (error) {
      await file.close();
      await ifPresent(this.#disk.unlink(temporaryPath));
      throw error;
    }
  }

  /** Null where the file system cannot go past the page cache. */
  async #openDirect(path: string, file: nodeFiles.FileHandle): Promise<nodeFiles.FileHandle | null> {
    const direct = await this.#disk.open(path, O_DIRECT | O_NOFOLLOW | O_WRONLY).catch((error: unknown) => {
      if (errorCode(error) === "EINVAL") {
        return null;
      }
      throw error;
    });
    try {
      await file.chmod(blobMode);
    } catch (error) {
      await direct?.close();
      throw error;
    }
    return direct;
  }

  /** Unlike a rename, a link never replaces a blob that already exists. */
  async #publish(temporaryPath: string, finalPath: string): Promise<void> {
    await this.#disk.link(temporaryPath, finalPath);
    await this.#folderSyncs.sync(dirname(finalPath));
  }

  #makeShelf(shelf: string): Promise<void> {
    const known = this.#shelves.get(shelf);
    if (known !== undefined) {
      return known;
    }
    const made = this.#leavingBadShelf(this.#makeDurableFolder(join(this.#blobs, shelf)));
    this.#shelves.set(shelf, made);
    made.catch(() => this.#shelves.delete(shelf));
    return made;
  }

  /** Syncs the parents also of a folder that is found: whoever made it may have died before the sync. */
  async #makeDurableFolder(path: string): Promise<void> {
    await this.#disk.mkdir(path, { recursive: true, mode: folderMode });
    const parent = dirname(path);
    await this.#folderSyncs.sync(parent);
    await this.#folderSyncs.sync(dirname(parent));
  }

  /** After a failure the next blobs go elsewhere: the folder may be one that takes no more names, or can never be synced again. */
  async #leavingBadShelf(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.#keys.changeShelf();
      throw error;
    }
  }
}

/** A blob may be replaced more than once. */
async function linkUnderFreeName(disk: Disk, path: string, name: string): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const free = attempt === 1 ? name : `${name}.${attempt}`;
    try {
      await disk.link(path, free);
      return free;
    } catch (error) {
      if (errorCode(error) !== "EEXIST") {
        throw error;
      }
    }
  }
}
