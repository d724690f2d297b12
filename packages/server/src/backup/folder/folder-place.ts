import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifPresent } from "../../files/missing.ts";
import { syncPath } from "../../files/sync-path.ts";
import { type BackupFolder, BackupFolderError, namesIn, openForBackup, openForReading } from "../backup-folder.ts";
import { type Backup, databaseName, decodeManifest, encodeManifest, manifestName } from "../manifest.ts";
import type { BackupPlace, UnfinishedBackup } from "../place.ts";
import { removeBackup, removeCopy } from "../removal.ts";
import { SegmentFiles } from "../segment-files.ts";
import { FolderSegments } from "./folder-segments.ts";

export const openFolderForBackup = async (given: string, dataFolder: string): Promise<BackupPlace> =>
  new FolderPlace(await openForBackup(given, dataFolder));

export const openFolderForReading = async (given: string): Promise<BackupPlace> =>
  new FolderPlace(await openForReading(given));

/** Backups in a folder of this machine: a backup is a folder that is renamed to its place. */
class FolderPlace implements BackupPlace {
  readonly segments: SegmentFiles;
  readonly #folder: BackupFolder;

  constructor(folder: BackupFolder) {
    this.#folder = folder;
    this.segments = new SegmentFiles(folder.path);
  }

  get name(): string {
    return this.#folder.path;
  }

  get folder(): string {
    return this.#folder.path;
  }

  async list(): Promise<Backup[]> {
    const names = (await namesIn(this.#folder.backups)).reverse();
    return Promise.all(
      names.map(async (name): Promise<Backup> => {
        try {
          const text = await readFile(join(this.#folder.backups, name, manifestName), "utf8");
          return { name, manifest: decodeManifest(text) };
        } catch (error) {
          return { name, manifest: null, reason: (error as Error).message };
        }
      }),
    );
  }

  async begin(name: string): Promise<UnfinishedBackup> {
    const { path, backups, unfinished } = this.#folder;
    const own = join(unfinished, name);
    await mkdir(own, { mode: 0o700 });
    return {
      segments: new FolderSegments(path, own),
      database: join(own, databaseName),
      keepDatabase: () => syncPath(own),
      async publish(manifest) {
        await writeSynced(join(own, manifestName), encodeManifest(manifest));
        await syncPath(own);
        await rename(own, join(backups, name));
        await syncPath(backups);
        await syncPath(unfinished);
      },
    };
  }

  databaseOf(name: string): Promise<string | null> {
    return databaseIn(join(this.#folder.backups, name));
  }

  databaseOfExpired(name: string): Promise<string | null> {
    return databaseIn(this.pathOfExpired(name));
  }

  pathOfExpired(name: string): string {
    return join(this.#folder.expired, name);
  }

  async expireUnfinished(): Promise<void> {
    await this.#expire(this.#folder.unfinished, await namesIn(this.#folder.unfinished));
  }

  async expire(names: readonly string[]): Promise<void> {
    await this.#expire(this.#folder.backups, names);
  }

  async expired(): Promise<string[]> {
    const { expired } = this.#folder;
    return namesIn(expired).catch((error: Error) => {
      throw new BackupFolderError(
        `the folder ${expired} cannot be read (${error.message}): restore its mode and owner`,
        { cause: error },
      );
    });
  }

  async removeSegments(keys: readonly string[]): Promise<number> {
    const { blobs } = this.#folder;
    let removed = 0;
    for (const key of keys) {
      removed += (await removeCopy(blobs, key)) ? 1 : 0;
    }
    for (const shelf of new Set(keys.map(dirname))) {
      await ifPresent(syncPath(join(blobs, shelf)));
    }
    return removed;
  }

  async removeExpired(name: string): Promise<void> {
    await removeBackup(this.#folder.expired, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#folder[Symbol.dispose]();
  }

  async #expire(from: string, names: readonly string[]): Promise<void> {
    const { expired } = this.#folder;
    const taken = new Set(await this.expired());
    for (const name of names) {
      // One of the same second may have been interrupted as well.
      const free = [name, ...Array.from({ length: taken.size }, (_, index) => `${name}.${index}`)];
      const chosen = free.find((candidate) => !taken.has(candidate)) ?? name;
      await rename(join(from, name), join(expired, chosen));
      taken.add(chosen);
    }
    if (names.length > 0) {
      await syncPath(expired);
      await syncPath(from);
    }
  }
}

const databaseIn = async (folder: string): Promise<string | null> =>
  (await namesIn(folder)).includes(databaseName) ? join(folder, databaseName) : null;

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
