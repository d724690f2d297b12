import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { BitField } from "./bit-field.ts";

/** The manifest that a check is of. */
export interface CheckedManifest {
  readonly target: string;
  readonly sha256: string;
  readonly entries: number;
}

const headBytes = 4096;
const blockBytes = 4096;
/** A kill repeats at most this many copies, and those of this many bytes. */
const unwrittenMax = 500;
const unwrittenBytesMax = 256 * 1024 ** 2;
const format = 2;

/** Remembers which entries' copies were found sound, so that an interrupted check is resumed: a bit for each, after a block with the manifest. */
export class CheckJournal implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sound: BitField;
  readonly #dirty = new Set<number>();
  #unwritten = 0;
  #unwrittenBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, sound: BitField) {
    this.#path = path;
    this.#file = file;
    this.#sound = sound;
  }

  /** Opens the journal of a check. One of another manifest starts again, as does any other file. */
  static async open(path: string, manifest: CheckedManifest): Promise<CheckJournal> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, "a+", 0o600).then(async (made) => {
      await made.close();
      return open(path, "r+");
    });
    try {
      const head = Buffer.alloc(headBytes, " ");
      head.write(`${JSON.stringify({ format, ...manifest })}\n`);
      const sound = new BitField(manifest.entries);
      const found = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      if (found.buffer.equals(head)) {
        await file.read(sound.bytes, 0, sound.bytes.length, headBytes);
      } else {
        await file.truncate(0);
        await file.write(head, 0, headBytes, 0);
      }
      return new CheckJournal(path, file, sound);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  isSound(entry: number): boolean {
    return this.#sound.has(entry);
  }

  async setSound(entry: number, sizeBytes: number): Promise<void> {
    this.#sound.set(entry);
    this.#dirty.add(Math.floor((entry >>> 3) / blockBytes));
    this.#unwritten += 1;
    this.#unwrittenBytes += sizeBytes;
    if (this.#unwritten >= unwrittenMax || this.#unwrittenBytes >= unwrittenBytesMax) {
      await this.#write();
    }
  }

  /** Removes the journal of a check that is complete: the next one reads everything again. */
  async discard(): Promise<void> {
    await this.#writing;
    await rm(this.#path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#write();
    await this.#file.close();
  }

  #write(): Promise<void> {
    const blocks = [...this.#dirty];
    this.#dirty.clear();
    this.#unwritten = 0;
    this.#unwrittenBytes = 0;
    this.#writing = this.#writing.then(async () => {
      for (const block of blocks) {
        const start = block * blockBytes;
        const length = Math.min(blockBytes, this.#sound.bytes.length - start);
        await this.#file.write(this.#sound.bytes, start, length, headBytes + start);
      }
    });
    return this.#writing;
  }
}
