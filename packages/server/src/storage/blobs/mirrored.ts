import type {
  BlobCopies,
  BlobDriver,
  BlobPage,
  BlobReader,
  BlobWriter,
  CopyName,
  RemovalFailure,
  Turn,
  UncachedReader,
} from "../../domain/stores/blob-store.ts";
import type { StorageReport } from "../../domain/stores/storage-report.ts";
import type { FilesystemBlobStore } from "./filesystem.ts";
import type { FreeSpace } from "./free-space.ts";

const pieceBytes = 1024 ** 2;
const damagedMax = 1000;

/** Keeps each blob twice, on two disks: it is stored once both have it. Reads are from the first, unless a caller asks for the copies. */
export class MirroredBlobStore implements BlobDriver {
  readonly #stores: Readonly<Record<CopyName, FilesystemBlobStore>>;
  readonly copies: BlobCopies;

  /** @param onDamaged called once for each blob that a read has found damaged in the data folder. */
  constructor(
    stores: Readonly<Record<CopyName, FilesystemBlobStore>>,
    onDamaged: (key: string, error: unknown) => void,
  ) {
    this.#stores = stores;
    const damaged = new Set<string>();
    this.copies = {
      stores,
      noteDamaged(key, error) {
        if (!damaged.has(key) && damaged.size < damagedMax) {
          damaged.add(key);
          onDamaged(key, error);
        }
      },
      takeDamaged() {
        const keys = [...damaged];
        damaged.clear();
        return keys;
      },
      replace: (key, copy, during) => this.#replace(key, copy, during),
    };
  }

  async prepare(): Promise<{ readonly isFull: boolean }> {
    const { isFull } = await this.#stores.data.prepare();
    await this.#stores.mirror.prepare();
    return { isFull };
  }

  /** Why nothing new is stored, on either disk; null while blobs are accepted. */
  get readOnly(): StorageReport["readOnly"] {
    const { data, mirror } = this.#stores;
    const ofMirror = mirror.readOnly;
    return data.readOnly ?? (ofMirror && { ...ofMirror, reason: `the mirror: ${ofMirror.reason}` });
  }

  /** The room of the data folder's disk. */
  get space(): FreeSpace {
    return this.#stores.data.space;
  }

  newKey(ownerId: string): string {
    return this.#stores.data.newKey(ownerId);
  }

  async create(key: string, sizeBytesMax: number, sizeBytesMin?: number): Promise<BlobWriter> {
    const { data, mirror } = this.#stores;
    const first = await data.create(key, sizeBytesMax, sizeBytesMin);
    try {
      return new MirroredBlobWriter(first, await mirror.create(key, sizeBytesMax, sizeBytesMin));
    } catch (error) {
      await first.discard();
      throw error;
    }
  }

  open(key: string): Promise<BlobReader> {
    return this.#stores.data.open(key);
  }

  openUncached(key: string, scratch: Uint8Array): Promise<UncachedReader> {
    return this.#stores.data.openUncached(key, scratch);
  }

  /** A blob of which one copy could not be removed counts as not removed. */
  async remove(keys: readonly string[]): Promise<readonly RemovalFailure[] | null> {
    const { data, mirror } = this.#stores;
    const failures = await data.remove(keys);
    const failuresOfMirror = failures && (await mirror.remove(keys));
    return (
      failuresOfMirror && [
        ...new Map([...failures, ...failuresOfMirror].map((failure) => [failure.key, failure])).values(),
      ]
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#stores.data.close(), this.#stores.mirror.close()]);
  }

  /** The files in the data folder. */
  list(prefix: string): AsyncIterable<BlobPage> {
    return this.#stores.data.list(prefix);
  }

  async #replace(
    key: string,
    copy: CopyName,
    { turn, isWanted }: Parameters<BlobCopies["replace"]>[2],
  ): Promise<boolean> {
    const [from, to] =
      copy === "data" ? [this.#stores.mirror, this.#stores.data] : [this.#stores.data, this.#stores.mirror];
    const reader = await from.open(key);
    try {
      const writer = await to.create(key, reader.sizeBytes);
      try {
        await copyBytes(reader, writer, turn);
        if (!(await isWanted())) {
          return false;
        }
        // The good copy lies in `tmp/` already: from here on only names change.
        await to.quarantine(key);
        await writer.commit();
        return true;
      } finally {
        await writer.discard();
      }
    } finally {
      await reader.close();
    }
  }
}

async function copyBytes(reader: BlobReader, writer: BlobWriter, turn: Turn): Promise<void> {
  const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, Math.max(1, reader.sizeBytes)));
  for (let position = 0; position < reader.sizeBytes; position += piece.length) {
    const bytes = piece.subarray(0, Math.min(piece.length, reader.sizeBytes - position));
    await turn(async () => {
      await reader.read(bytes, position);
      await writer.write(bytes);
    });
  }
}

/** Writes both copies at once. */
class MirroredBlobWriter implements BlobWriter {
  readonly #writers: readonly BlobWriter[];

  constructor(...writers: readonly BlobWriter[]) {
    this.#writers = writers;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await both(this.#writers, (writer) => writer.write(bytes));
  }

  async commit(): Promise<void> {
    await both(this.#writers, (writer) => writer.commit());
  }

  async discard(): Promise<void> {
    await both(this.#writers, (writer) => writer.discard());
  }
}

/** Waits for both even if one fails: the caller then uses the memory again. */
async function both(writers: readonly BlobWriter[], work: (writer: BlobWriter) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(writers.map(work));
  for (const result of results) {
    if (result.status === "rejected") {
      throw result.reason;
    }
  }
}
