import { constants } from "node:fs";
import { type FileHandle, link, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { TreeHash } from "@moraine/protocol";
import { syncFolder } from "./journal-file.ts";
import { PiecewiseTreeHash } from "./part-digest.ts";
import { LocalFileError, TargetExistsError } from "./transfer-errors.ts";

/** What is to become the target, beside it: as long as the target from the beginning, and sparse. */
export class PartialFile {
  readonly #file: FileHandle;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(path: string, sizeBytes: number): Promise<PartialFile> {
    const file = await local(open(path, constants.O_RDWR | constants.O_CREAT, 0o666));
    try {
      const { size } = await file.stat();
      if (size !== sizeBytes) {
        await local(file.truncate(sizeBytes));
      }
      return new PartialFile(file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get fd(): number {
    return this.#file.fd;
  }

  /** Writes the bytes from that place on; resolves to their tree hash. */
  async write(bytes: AsyncIterable<Uint8Array>, position: number): Promise<TreeHash> {
    const hash = new PiecewiseTreeHash();
    let at = position;
    for await (const piece of bytes) {
      const written = this.#write(piece, at);
      hash.update(piece);
      const { bytesWritten } = await local(written);
      if (bytesWritten !== piece.length) {
        throw new LocalFileError(`Only ${bytesWritten} of ${piece.length} bytes could be written`);
      }
      at += piece.length;
    }
    return hash.digest();
  }

  /** One after the other: the system writes to a file one at a time, and keeps a processor busy with each that waits. */
  #write(piece: Uint8Array, position: number): Promise<{ bytesWritten: number }> {
    const turn = this.#last.then(() => this.#file.write(piece, 0, piece.length, position));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async sync(): Promise<void> {
    await local(this.#file.datasync());
  }

  async close(): Promise<void> {
    await local(this.#file.close());
  }
}

/**
 * Gives a file, synced before, its final name, in a way that a power cut does not undo. Without `overwrite` a file that has
 * that name already stays, and TargetExistsError is thrown.
 */
export async function giveName(partial: string, target: string, overwrite: boolean): Promise<void> {
  if (overwrite) {
    await local(rename(partial, target));
  } else {
    // Unlike a rename, this fails when the name is taken, even by who was faster by an instant.
    await linkTo(partial, target);
    await local(rm(partial, { force: true }));
  }
  await syncFolder(dirname(target));
}

async function linkTo(partial: string, target: string): Promise<void> {
  try {
    await link(partial, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      throw exists(target);
    }
    // File systems without hard links remain: there the check comes an instant before.
    await assertFree(target);
    await local(rename(partial, target));
  }
}

export async function assertFree(target: string): Promise<void> {
  if (await isThere(target)) {
    throw exists(target);
  }
}

export async function isThere(path: string): Promise<boolean> {
  return (await identityOf(path)) !== null;
}

/** Whether both names lead to one file. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = [await identityOf(one), await identityOf(other)];
  return first !== null && first === second;
}

async function identityOf(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return null;
    }
    throw error;
  }
}

const exists = (target: string) => new TargetExistsError(`${target} exists; it is overwritten only when asked`);

async function local<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (cause) {
    throw new LocalFileError((cause as Error).message, { cause });
  }
}
