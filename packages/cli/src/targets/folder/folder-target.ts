import { lstat, mkdir, realpath, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { DigestPool, LockFile } from "@moraine/client/node";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type CopyFacts,
  type CopyState,
  probeName,
  probeText,
  reservedNames,
  type StoredCopy,
  type StoreOptions,
  type Target,
  TargetFullError,
  TargetUnavailableError,
} from "../target.ts";
import { checkFile } from "./check-file.ts";
import { FolderDocuments, ownFolder, topDocuments } from "./documents.ts";
import { findCopy } from "./find-copy.ts";
import { asTarget } from "./folder-errors.ts";
import type { FolderParts } from "./folder-parts.ts";
import { InnerFolders } from "./inner-folders.ts";
import { assertInnerPath } from "./inner-path.ts";
import { listFiles } from "./list-files.ts";
import { partialFolder, partialName, removeDrafts } from "./partial-folder.ts";
import { storeLarge } from "./store-large.ts";
import { storeSmall } from "./store-small.ts";

/** Up to this size an archive is fetched in order, and starts over after an interruption; a larger one is fetched in ranges, and resumed. */
const smallBytesMax = 32 * 1024 ** 2;
/** The unit in which file systems say how much of a file they hold. */
const blockBytes = 512;

/** Keeps copies as files of a folder: each under its archive's path, with its modification time. */
export class FolderTarget implements Target, AsyncDisposable {
  readonly url: string;
  readonly documents: FolderDocuments;
  readonly #parts: FolderParts;
  readonly #identity: string;
  readonly #hasDocuments: boolean;
  #lockLost: AbortSignal | null = null;
  #probing: Promise<void> | null = null;

  private constructor(url: string, parts: FolderParts, identity: string, hasDocuments: boolean) {
    this.url = url;
    this.#parts = parts;
    this.#identity = identity;
    this.#hasDocuments = hasDocuments;
    this.documents = new FolderDocuments(parts.folders);
  }

  /**
   * Opens the folder.
   *
   * @param create makes it if it is missing; else that is a TargetUnavailableError.
   * @param hasDocuments false for a folder without a manifest, where archives may have the names of documents.
   */
  static async open(
    path: string,
    { create, hasDocuments = true }: { readonly create: boolean; readonly hasDocuments?: boolean },
  ): Promise<FolderTarget> {
    return asTarget(path, async () => {
      if (create) {
        await mkdir(path, { recursive: true });
      }
      const root = await realpath(path).catch((cause: Error) => {
        throw new TargetUnavailableError(`There is no folder ${path}: is its disk mounted?`, { cause });
      });
      const stats = await stat(root);
      if (!stats.isDirectory()) {
        throw new TargetUnavailableError(`${path} is not a folder`);
      }
      const parts = { root, folders: new InnerFolders(root), pool: new DigestPool() };
      return new FolderTarget(path, parts, identityOf(stats), hasDocuments);
    });
  }

  async lock(signal: AbortSignal): Promise<AsyncDisposable> {
    return asTarget(this.url, async () => {
      await this.#assertOwn();
      await this.#parts.folders.within(ownFolder, async () => undefined);
      const lock = await LockFile.take(join(this.#parts.root, ownFolder, "lock"), { signal });
      this.#lockLost = lock.lost;
      await removeDrafts(this.#parts.folders);
      return lock;
    });
  }

  async freeBytes(): Promise<number | null> {
    const { bavail, blocks, bsize } = await asTarget(this.url, () => statfs(this.#parts.root));
    // Some network file systems do not report their size.
    return blocks === 0 ? null : bavail * bsize;
  }

  async probe(sizeBytes: number): Promise<void> {
    await this.#assertHere();
    const free = await this.freeBytes();
    if (free !== null && free < sizeBytes) {
      throw new TargetFullError(
        `No room in ${this.url}: ${free} bytes are free, and the next archive has ${sizeBytes}`,
      );
    }
    // Many may ask at once, and the document has one draft.
    this.#probing ??= this.documents.write(probeName, probeText()).finally(() => {
      this.#probing = null;
    });
    await this.#probing;
  }

  /** Returns how many bytes storing an archive would take: fewer for an unfinished download, none for a file of its size. */
  async bytesToStore({
    path,
    archiveId,
    sizeBytes,
  }: Pick<ArchiveFacts, "path" | "archiveId" | "sizeBytes">): Promise<number> {
    const found = await lstat(join(this.#parts.root, path)).catch(() => null);
    if (found?.size === sizeBytes) {
      return 0;
    }
    const partial = join(this.#parts.root, partialFolder, partialName(archiveId));
    // The file of a download is sparse.
    const held = await Promise.all([partial, `${partial}.partial`].map((name) => lstat(name).catch(() => null)));
    return held.reduce((bytes, stats) => Math.max(0, bytes - (stats?.blocks ?? 0) * blockBytes), sizeBytes);
  }

  async find(archive: ArchiveFacts, signal: AbortSignal): Promise<StoredCopy | null> {
    this.#assertInner(archive.path);
    return asTarget(archive.path, () => findCopy(this.#parts, archive, signal));
  }

  async store(archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions): Promise<StoredCopy> {
    this.#assertInner(archive.path);
    const signal = this.#lockLost === null ? options.signal : AbortSignal.any([options.signal, this.#lockLost]);
    return asTarget(archive.path, async () => {
      await this.#assertHere();
      const store = archive.sizeBytes <= smallBytesMax ? storeSmall : storeLarge;
      return store(this.#parts, archive, output, { ...options, signal });
    });
  }

  check(copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
    this.#assertInner(copy.location);
    return asTarget(copy.location, () => checkFile(this.#parts, copy, signal));
  }

  list(signal: AbortSignal): AsyncIterable<{ readonly location: string; readonly sizeBytes: number }> {
    return listFiles(this.#parts.root, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.documents[Symbol.asyncDispose]();
    await this.#parts.folders[Symbol.asyncDispose]();
    await this.#parts.pool[Symbol.asyncDispose]();
  }

  /** Throws unless the path still leads to the folder that was opened: without its disk, copies would fill the disk below. */
  async #assertHere(): Promise<void> {
    const stats = await stat(this.#parts.root).catch(() => null);
    if (stats === null || identityOf(stats) !== this.#identity) {
      throw new TargetUnavailableError(
        `${this.url} is no longer the folder that it was at the start: is its disk mounted?`,
      );
    }
  }

  #assertInner(path: string): void {
    assertInnerPath(path, this.#hasDocuments ? reservedNames : [ownFolder]);
  }

  /** Throws for a folder that has documents of somebody else, which would be replaced. */
  async #assertOwn(): Promise<void> {
    const isOwn = (await this.#parts.folders.ifPresent(ownFolder, async () => true)) ?? false;
    for (const name of topDocuments) {
      if (this.#hasDocuments && !isOwn && (await stat(join(this.#parts.root, name)).catch(() => null)) !== null) {
        throw new Error(
          `${this.url} has a file ${name} that is not of a rescue: choose another folder, or rename that file`,
        );
      }
    }
  }
}

const identityOf = ({ dev, ino }: { readonly dev: number; readonly ino: number }): string => `${dev} ${ino}`;
