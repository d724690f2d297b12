import type { FileHandle } from "node:fs/promises";
import { invariant } from "../../domain/invariant.ts";
import type { BlobWriter } from "../../domain/stores/blob-store.ts";
import { errorCode } from "../../files/missing.ts";
import { type Disk, toDomainError } from "./disk.ts";
import type { FreeSpace } from "./free-space.ts";
import type { SyncHealth } from "./sync-health.ts";

/**
 * Bytes after which they are synced while more are still coming in; else the commit would wait for all of it. That goes for
 * bytes past the page cache too: the disk has a cache of its own, and their places in the file are not durable yet.
 */
const writeBackBytes = 16 * 1024 ** 2;

export interface UnfinishedBlob {
  readonly file: FileHandle;
  /** The same file, opened past the page cache; null for a short blob, or where the file system has no such thing. */
  readonly direct: FileHandle | null;
  readonly temporaryPath: string;
  readonly sizeBytesMax: number;
  readonly space: Pick<FreeSpace, "claim" | "noteFailure" | "noteStored">;
  /** Links the file to its final name, durably. */
  publish(): Promise<void>;
}

/** Writes one file under a temporary name and links it to its final one when it is whole and synced. */
export class FilesystemBlobWriter implements BlobWriter {
  readonly #disk: Disk;
  readonly #health: SyncHealth;
  readonly #blob: UnfinishedBlob;
  #direct: FileHandle | null;
  #state: "open" | "ended" = "open";
  #writes = 0;
  #sizeBytes = 0;
  #unsyncedBytes = 0;
  /** Never rejects: a failure is kept in `#failure`. */
  #writeBack: Promise<void> | null = null;
  /** The failure that made this file unusable. After a failed sync, none is tried again: it could succeed although bytes were lost. */
  #failure: { error: unknown } | null = null;

  constructor(disk: Disk, health: SyncHealth, blob: UnfinishedBlob) {
    this.#disk = disk;
    this.#health = health;
    this.#blob = blob;
    this.#direct = blob.direct;
  }

  async write(bytes: Uint8Array): Promise<void> {
    invariant(this.#state === "open", "a blob is written before its end");
    this.#assertSound();
    const position = this.#sizeBytes;
    this.#sizeBytes += bytes.length;
    invariant(this.#sizeBytes <= this.#blob.sizeBytesMax, "a blob is not larger than it was said to become");
    this.#writes += 1;
    try {
      await this.#appendClaimed(bytes, position);
    } catch (error) {
      this.#failure ??= { error };
      this.#blob.space.noteFailure(error);
      throw toDomainError(error);
    } finally {
      this.#writes -= 1;
    }
    this.#startWriteBack();
  }

  async commit(): Promise<void> {
    invariant(this.#state === "open" && this.#writes === 0, "a blob is committed once, after its writes");
    this.#state = "ended";
    try {
      await this.#makeBytesDurable();
      await this.#blob.publish();
      this.#blob.space.noteStored();
    } catch (error) {
      this.#blob.space.noteFailure(error);
      throw toDomainError(error);
    } finally {
      // Only the temporary name goes. The final one may be durable even when the sync failed, so it stays.
      await this.#leaveTemporary();
    }
  }

  async discard(): Promise<void> {
    if (this.#state !== "ended") {
      this.#state = "ended";
      await this.#leaveTemporary();
    }
  }

  /** Claims room for these bytes alone: however much a client has announced, only what has arrived takes room. */
  async #appendClaimed(bytes: Uint8Array, position: number): Promise<void> {
    const claim = await this.#blob.space.claim(bytes.length);
    claim.spend(bytes.length);
    try {
      await this.#append(bytes, position);
    } finally {
      claim.written(bytes.length);
    }
  }

  async #append(bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const bytesWritten = await this.#writeSome(bytes.subarray(done), position + done);
      if (bytesWritten === 0) {
        throw new Error(`The disk took no more bytes at ${position + done}`);
      }
      done += bytesWritten;
    }
  }

  /**
   * Whole blocks go past the page cache: nobody will read them soon, and to copy them there costs more than to hash them. The
   * rest of a blob, from the first piece on that is not aligned, goes the usual way.
   */
  async #writeSome(bytes: Uint8Array, position: number): Promise<number> {
    if (this.#direct !== null && isAligned(bytes, position)) {
      try {
        return this.#written(await this.#direct.write(bytes, 0, bytes.length, position));
      } catch (error) {
        if (errorCode(error) !== "EINVAL") {
          throw error;
        }
        // The memory lies unevenly, or the file system has second thoughts.
      }
    }
    this.#direct = null;
    return this.#written(await this.#blob.file.write(bytes, 0, bytes.length, position));
  }

  #written({ bytesWritten }: { readonly bytesWritten: number }): number {
    this.#unsyncedBytes += bytesWritten;
    return bytesWritten;
  }

  #startWriteBack(): void {
    if (this.#unsyncedBytes < writeBackBytes || this.#writeBack !== null || this.#state === "ended") {
      return;
    }
    this.#unsyncedBytes = 0;
    this.#writeBack = this.#health
      .watch(() => this.#blob.file.datasync())
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#writeBack = null;
      });
  }

  async #makeBytesDurable(): Promise<void> {
    await this.#writeBack;
    this.#assertSound();
    await this.#health.watch(() => this.#blob.file.sync());
    await this.#blob.direct?.close();
    await this.#blob.file.close();
  }

  #assertSound(): void {
    if (this.#failure !== null) {
      throw toDomainError(this.#failure.error);
    }
  }

  /** A file that is left when this fails is removed at the next start. */
  async #leaveTemporary(): Promise<void> {
    await this.#writeBack;
    await this.#blob.direct?.close().catch(ignore);
    await this.#blob.file.close().catch(ignore);
    await this.#disk.unlink(this.#blob.temporaryPath).catch(ignore);
  }
}

/** Disks need this alignment of lengths and positions past the page cache. They need it of memory too, whose address is not known here. */
const alignmentBytes = 4096;

function isAligned(bytes: Uint8Array, position: number): boolean {
  return [bytes.length, position].every((number) => number % alignmentBytes === 0);
}

function ignore(): void {}
