import { mkdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CredentialProvider,
  createClient,
  DigestPool,
  LockFile,
  readUnfinishedUpload,
} from "@moraine/client/node";
import { FolderDocuments } from "../folder/documents.ts";
import { InnerFolders } from "../folder/inner-folders.ts";
import { ByteBudget } from "../parts/byte-budget.ts";
import type { ArchiveFacts, ArchiveOutput, CopyFacts, CopyState, StoredCopy, StoreOptions, Target } from "../target.ts";
import { journalPath, storeArchive, type VaultParts } from "./store-archive.ts";
import { atVault } from "./vault-errors.ts";
import { VaultInventory } from "./vault-inventory.ts";
import { parseVaultUrl } from "./vault-url.ts";

export interface VaultTargetOptions {
  /** Finds the credentials of the target's service. @default where AWS's tools find them */
  readonly credentials?: CredentialProvider | undefined;
  /** A local folder for what resumes uploads. Without it, archives that are not in the manifest may be stored twice. */
  readonly stateFolder: string;
  /** A local folder for the documents: archives have no names by which a vault could keep them. */
  readonly documentsFolder: string;
  /** A file of certificates (PEM) to trust instead of Node's. */
  readonly ca?: string | undefined;
}

/** Memory of the parts of all copies that are in progress. */
const memoryBytesMax = 64 * 1024 ** 2;

/** Keeps copies as archives of another vault. Their ids are in the manifest, as locations. */
export class VaultTarget implements Target, AsyncDisposable {
  readonly url: string;
  readonly namesCopies = false;
  readonly checksAtOnce = 16;
  readonly documents: FolderDocuments;
  readonly #parts: VaultParts;
  readonly #folders: InnerFolders;
  readonly #inventory: VaultInventory;
  #lockLost: AbortSignal | null = null;

  private constructor(url: string, parts: VaultParts, folders: InnerFolders) {
    this.url = url;
    this.#parts = parts;
    this.#folders = folders;
    this.documents = new FolderDocuments(folders);
    this.#inventory = new VaultInventory(parts.client, parts.vaultName, parts.stateFolder);
  }

  /** Opens a target like `vault:photos@https://host:8484` or `vault:photos@aws:eu-west-1`. Throws InvalidTargetError. */
  static async open(
    text: string,
    { credentials, stateFolder, documentsFolder, ca }: VaultTargetOptions,
  ): Promise<VaultTarget> {
    const { vaultName, endpoint, region } = parseVaultUrl(text);
    const client = await createClient({ endpoint, region, ca, ...(credentials !== undefined && { credentials }) });
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    await mkdir(documentsFolder, { recursive: true });
    const parts = {
      client,
      vaultName,
      pool: new DigestPool(),
      budget: new ByteBudget(memoryBytesMax),
      stateFolder,
      shown: `vault ${vaultName} at ${endpoint}`,
    };
    return new VaultTarget(text, parts, new InnerFolders(await realpath(documentsFolder)));
  }

  /** Keeps off other processes of this machine. */
  async lock(signal: AbortSignal): Promise<AsyncDisposable> {
    const lock = await LockFile.take(join(this.#parts.stateFolder, "lock"), { signal });
    try {
      await this.#createIfMissing(signal);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    this.#lockLost = lock.lost;
    return lock;
  }

  freeBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  async probe(_sizeBytes: number, signal: AbortSignal): Promise<void> {
    const { client, vaultName } = this.#parts;
    await this.#at(() => client.describeVault({ vaultName }, { signal }));
  }

  /** Finds an archive that an earlier run has stored, and that the manifest may not have. */
  async find({ archiveId }: Pick<ArchiveFacts, "archiveId">): Promise<StoredCopy | null> {
    const upload = await readUnfinishedUpload(journalPath(this.#parts.stateFolder, archiveId));
    return upload === null || upload.archiveId === null ? null : { location: upload.archiveId, sha256: null };
  }

  async store(archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions): Promise<StoredCopy> {
    const existing = await this.find(archive);
    if (existing !== null) {
      return existing;
    }
    const signal = this.#lockLost === null ? options.signal : AbortSignal.any([options.signal, this.#lockLost]);
    const copy = await storeArchive(this.#parts, archive, output, { ...options, signal });
    this.#inventory.outdate();
    return copy;
  }

  async abandon({ archiveId }: ArchiveFacts, signal: AbortSignal): Promise<void> {
    const path = journalPath(this.#parts.stateFolder, archiveId);
    const upload = await readUnfinishedUpload(path);
    if (upload !== null && upload.archiveId === null && upload.uploadId !== null) {
      await this.#abort(upload.uploadId, signal);
      await rm(path, { force: true });
    }
  }

  /** Removes the journals, which are needed no longer. */
  async recorded(archiveIds: readonly string[]): Promise<void> {
    for (const archiveId of archiveIds) {
      await rm(journalPath(this.#parts.stateFolder, archiveId), { force: true });
    }
  }

  /** Looks for the archive in the vault's inventory, since reading it back takes hours and money. */
  check(copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
    return this.#at(() => this.#inventory.stateOf(copy, signal));
  }

  list(signal: AbortSignal): AsyncIterable<{ readonly location: string; readonly sizeBytes: number }> {
    return this.#inventory.list(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.documents[Symbol.asyncDispose]();
    await this.#folders[Symbol.asyncDispose]();
    await this.#inventory[Symbol.asyncDispose]();
    await this.#parts.pool[Symbol.asyncDispose]();
  }

  async #createIfMissing(signal: AbortSignal): Promise<void> {
    const { client, vaultName } = this.#parts;
    await this.#at(async () => {
      await client.describeVault({ vaultName }, { signal }).catch(async (error: Error) => {
        if (error.name !== "ResourceNotFoundException") {
          throw error;
        }
        await client.createVault({ vaultName }, { signal });
      });
    });
  }

  async #abort(uploadId: string, signal: AbortSignal): Promise<void> {
    const { client, vaultName } = this.#parts;
    await this.#at(() =>
      client.abortMultipartUpload({ vaultName, uploadId }, { signal }).catch((error: Error) => {
        if (error.name !== "ResourceNotFoundException") {
          throw error;
        }
      }),
    );
  }

  #at<Value>(call: () => Promise<Value>): Promise<Value> {
    return atVault(this.#parts.shown, call);
  }
}
