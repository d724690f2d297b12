import { hash } from "node:crypto";
import { appendFile, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** An entry of the manifest, by the key of its location. */
export interface RecordedLocation {
  readonly key: string;
  /** The entry's number, from 0. */
  readonly entry: number;
  readonly sizeBytes: number;
}

/** A location that the target lists. */
export interface ListedLocation {
  readonly key: string;
  readonly sizeBytes: number;
  /** The place of its name: see `nameAt`. */
  readonly nameOffset: number;
}

/** Both lists of the locations whose keys begin with the same byte. */
export interface Bucket {
  readonly recorded: readonly RecordedLocation[];
  readonly listed: readonly ListedLocation[];
}

const bucketCount = 256;
const keyBytes = 16;
const numberBytes = 6;
const recordBytes = keyBytes + 2 * numberBytes;
const bufferBytes = 16 * 1024;
const namesBytes = 64 * 1024;

/**
 * Two lists of locations, of the manifest and of the target, in temporary files: ten million of each would not fit in memory. They are
 * divided by a hash of the location, so that the same locations of both are together, and a part at a time is compared.
 */
export class LocationLists implements AsyncDisposable {
  readonly #folder: string;
  readonly #recorded: Spool[];
  readonly #listed: Spool[];
  readonly #names: Spool;

  private constructor(folder: string) {
    const spools = (kind: string, sizeBytes: number) =>
      Array.from({ length: bucketCount }, (_, index) => new Spool(join(folder, `${kind}-${index}`), sizeBytes));
    this.#folder = folder;
    this.#recorded = spools("recorded", bufferBytes);
    this.#listed = spools("listed", bufferBytes);
    this.#names = new Spool(join(folder, "names"), namesBytes);
  }

  /** @param folder is created, and removed at the end with all in it */
  static async open(folder: string): Promise<LocationLists> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return new LocationLists(folder);
  }

  async record(location: string, entry: number, sizeBytes: number): Promise<void> {
    const key = keyOf(location);
    await this.#recorded[key[0] ?? 0]?.add(recordOf(key, entry, sizeBytes));
  }

  async list(location: string, sizeBytes: number): Promise<void> {
    const key = keyOf(location);
    const name = Buffer.from(location);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(name.length);
    const offset = await this.#names.add(Buffer.concat([length, name]));
    await this.#listed[key[0] ?? 0]?.add(recordOf(key, sizeBytes, offset));
  }

  /** Yields the parts of both lists. Call it when both are complete. */
  async *buckets(): AsyncGenerator<Bucket, void, void> {
    await this.#names.flush();
    for (let index = 0; index < bucketCount; index += 1) {
      const recorded = await recordsOf(this.#recorded[index]);
      const listed = await recordsOf(this.#listed[index]);
      yield {
        recorded: recorded.map(([key, entry, sizeBytes]) => ({ key, entry, sizeBytes })),
        listed: listed.map(([key, sizeBytes, nameOffset]) => ({ key, sizeBytes, nameOffset })),
      };
    }
  }

  /** Returns the location of a listed one. */
  async nameAt(offset: number): Promise<string> {
    await using file = await open(this.#names.path, "r");
    const length = Buffer.alloc(4);
    await file.read(length, 0, 4, offset);
    const name = Buffer.alloc(length.readUInt32LE());
    await file.read(name, 0, name.length, offset + 4);
    return name.toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A file that is appended to in pieces, one call after the other. */
class Spool {
  readonly path: string;
  readonly #memory: Buffer;
  #heldBytes = 0;
  #writtenBytes = 0;

  constructor(path: string, sizeBytes: number) {
    this.path = path;
    this.#memory = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** Resolves to the position of the bytes in the file. */
  async add(bytes: Buffer): Promise<number> {
    if (this.#heldBytes + bytes.length > this.#memory.length) {
      await this.flush();
    }
    const position = this.#writtenBytes + this.#heldBytes;
    if (bytes.length > this.#memory.length) {
      await appendFile(this.path, bytes, { mode: 0o600 });
      this.#writtenBytes += bytes.length;
    } else {
      this.#heldBytes += bytes.copy(this.#memory, this.#heldBytes);
    }
    return position;
  }

  async flush(): Promise<void> {
    await appendFile(this.path, this.#memory.subarray(0, this.#heldBytes), { mode: 0o600 });
    this.#writtenBytes += this.#heldBytes;
    this.#heldBytes = 0;
  }
}

const keyOf = (location: string): Buffer => hash("sha256", location, "buffer").subarray(0, keyBytes);

function recordOf(key: Buffer, first: number, second: number): Buffer {
  const record = Buffer.allocUnsafe(recordBytes);
  key.copy(record);
  record.writeUIntLE(first, keyBytes, numberBytes);
  record.writeUIntLE(second, keyBytes + numberBytes, numberBytes);
  return record;
}

async function recordsOf(spool: Spool | undefined): Promise<(readonly [key: string, first: number, second: number])[]> {
  if (spool === undefined) {
    return [];
  }
  await spool.flush();
  const bytes = await readFile(spool.path);
  return Array.from({ length: bytes.length / recordBytes }, (_, index) => {
    const start = index * recordBytes;
    const second = start + keyBytes + numberBytes;
    return [
      bytes.toString("latin1", start, start + keyBytes),
      bytes.readUIntLE(start + keyBytes, numberBytes),
      bytes.readUIntLE(second, numberBytes),
    ] as const;
  });
}
