import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { UsageError } from "../exit-codes.ts";
import { entryOf, type ManifestEntry } from "../manifest/manifest-entry.ts";
import { ManifestWriter } from "../manifest/manifest-writer.ts";

/** More than the longest line. */
const tailBytes = 64 * 1024;
const newline = 0x0a;

/** Error thrown when a line cannot be written. It ends the run, since the next lines would fail as well. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

/** A manifest as a file of its own, to which lines are appended. */
export class ManifestFile implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #writer: ManifestWriter;
  /** The failure after which an incomplete line stayed: only the next opening can cut it off. */
  #torn: ManifestError | null = null;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
    this.#writer = new ManifestWriter({ documents: { append: (_, text) => this.#append(text) } });
  }

  /** Opens or creates it. An incomplete last line, as a crash leaves it, is cut away. Throws UsageError for another kind of file. */
  static async open(path: string): Promise<ManifestFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o666).catch(
      (cause: Error) => {
        throw new UsageError(`cannot open the manifest: ${cause.message}`, { cause });
      },
    );
    try {
      await cutLastLine(path, file);
      await syncFolder(dirname(path));
      return new ManifestFile(path, file);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Resolves when the line is durable. Throws ManifestError; then all of the line is missing. */
  append(entry: ManifestEntry): Promise<void> {
    return this.#writer.append(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.settled();
    await this.#file.close();
  }

  async #append(text: string): Promise<number> {
    if (this.#torn !== null) {
      throw this.#torn;
    }
    const { size } = await this.#file.stat();
    try {
      await this.#file.appendFile(text);
      await this.#file.datasync();
      return (await this.#file.stat()).size;
    } catch (cause) {
      const error = new ManifestError(`cannot write the manifest ${this.path}: ${(cause as Error).message}`, { cause });
      await this.#cutOff(text, size).catch(() => {
        this.#torn = error;
      });
      throw error;
    }
  }

  /** Removes what a failed append has written, or the next line would be a part of that one. Lines of another process stay. */
  async #cutOff(text: string, sizeBefore: number): Promise<void> {
    const bytes = Buffer.from(text);
    const { size } = await this.#file.stat();
    const { buffer, bytesRead } = await this.#file.read(
      Buffer.alloc(bytes.length + 1),
      0,
      bytes.length + 1,
      sizeBefore,
    );
    const isOwn = buffer.subarray(0, bytesRead).equals(bytes.subarray(0, size - sizeBefore));
    if (isOwn) {
      await this.#file.truncate(sizeBefore);
    }
  }
}

async function cutLastLine(path: string, file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const start = Math.max(0, size - tailBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, start);
  const tail = buffer.subarray(0, bytesRead);
  const end = tail.lastIndexOf(newline) + 1;
  const lines = tail.subarray(0, end).toString().trimEnd().split("\n");
  const isManifest = end === 0 ? start === 0 && mayBeLine(tail) : isEntry(lines.at(-1) ?? "");
  if (!isManifest) {
    throw new UsageError(`${path} is not a manifest: name another file with --manifest`);
  }
  if (start + end < size) {
    await file.truncate(start + end);
  }
}

/** Whether these bytes are the beginning of a line, and no other file's. */
const mayBeLine = (bytes: Uint8Array): boolean => bytes.length === 0 || bytes[0] === "{".charCodeAt(0);

function isEntry(line: string): boolean {
  try {
    entryOf(line);
    return true;
  } catch {
    return false;
  }
}

/** Makes the name survive a power cut. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}
