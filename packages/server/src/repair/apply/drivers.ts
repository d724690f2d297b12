import { randomBytes } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { openRowSecret } from "../../auth/keyring.ts";
import { keyLengthBytes } from "../../auth/sealed-box.ts";
import { systemClock } from "../../clock/clocks.ts";
import type { BlobStore } from "../../domain/stores/blob-store.ts";
import type { SealedKeys } from "../../domain/stores/identity-store.ts";
import { ifPresent } from "../../files/missing.ts";
import { syncPath } from "../../files/sync-path.ts";
import { secretFile } from "../../secrets/secret-file.ts";
import { newShelfSeed } from "../../storage/blobs/blob-key.ts";
import { FilesystemBlobStore } from "../../storage/blobs/filesystem.ts";
import { type DataFolder, openDataFolder } from "../../storage/data-folder.ts";
import {
  openSqliteStore,
  type SqliteStore,
  type SqliteStoreOptions,
} from "../../storage/metadata/sqlite/sqlite-store.ts";
import { quarantineFile } from "./quarantine-file.ts";

/** The check of the entire database is not of use here, and would hold up the end. */
const noCheckMilliseconds = 2 ** 31 - 1;
const ends = ["", "-wal", "-shm"];

/** A new database next to the place of the lost one, which it takes when it is complete: a server never sees half of it. */
export class NewDatabase {
  readonly #folder: DataFolder;
  readonly #path: string;

  constructor(folder: DataFolder) {
    this.#folder = folder;
    this.#path = `${folder.databaseFile}.rebuilding`;
  }

  /** Starts from nothing: an interrupted repair may have left a part of one. */
  async open(keys: SealingKeyPlace): Promise<SqliteStore> {
    for (const end of ends) {
      await rm(`${this.#path}${end}`, { force: true });
    }
    return openStore(this.#folder, keys, { path: this.#path, mayCreate: true });
  }

  /** Takes the place of the lost database, whose files go to the quarantine. The new one is closed. */
  async publish(): Promise<void> {
    const name = this.#folder.databaseFile.slice(this.#folder.path.length + 1);
    if ((await ifPresent(stat(`${this.#path}-wal`))) !== null) {
      throw new Error(`The log of the new database ${this.#path} was not moved into it: is the disk full?`);
    }
    for (const end of [...ends].reverse()) {
      await quarantineFile(this.#folder.path, `${name}${end}`);
    }
    await rename(this.#path, this.#folder.databaseFile);
    await syncPath(this.#folder.path);
  }
}

/** Opens the folder's own database, in a generation of its own: when it is closed, the history says that all is in order. */
export function openOwnDatabase(folder: DataFolder, keys: SealingKeyPlace): Promise<SqliteStore> {
  const { path: dataFolder, databaseFile, markerFile } = folder;
  const history = { dataFolder, markerFile, openedAt: systemClock.now(), shelfSeed: newShelfSeed(), isLogTorn: false };
  return openStore(folder, keys, { path: databaseFile, mayCreate: false, history });
}

function openStore(
  folder: DataFolder,
  keys: SealingKeyPlace,
  options: Pick<SqliteStoreOptions, "path" | "mayCreate" | "history">,
): Promise<SqliteStore> {
  return openSqliteStore({
    ...options,
    checkDelayMilliseconds: noCheckMilliseconds,
    rowSecret: async (sealed) =>
      openRowSecret(sealed, {
        sealingKey: await sealingKeyOf(folder, keys, sealed),
        previous: null,
        now: systemClock.now(),
      }),
    // A call that fails rejects by itself.
    onFailure: () => undefined,
  });
}

/** Where the sealing key is. */
export interface SealingKeyPlace {
  /** Null is the data folder's own, which is made while nothing is sealed. */
  readonly sealingKeyFile: string | null;
}

function sealingKeyOf(folder: DataFolder, { sealingKeyFile }: SealingKeyPlace, sealed: SealedKeys): Promise<Buffer> {
  if (sealingKeyFile !== null) {
    return secretFile(sealingKeyFile, keyLengthBytes, null);
  }
  const isSealed = sealed.dataKeys.length + sealed.unwrappedSecrets.length > 0;
  return secretFile(
    join(folder.path, "secrets.key"),
    keyLengthBytes,
    isSealed ? null : () => randomBytes(keyLengthBytes),
  );
}

export const blobsOf = (dataFolder: string): BlobStore => new FilesystemBlobStore(dataFolder);

/** Locks a folder whose server is stopped. */
export const lockFolder = (path: string): Promise<DataFolder> =>
  openDataFolder(path, { mayLackDatabase: true, allowNetworkStorage: true });
