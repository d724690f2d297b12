import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import type { TargetDocuments } from "../target.ts";
import { asTarget, codeOf } from "./folder-errors.ts";
import type { InnerFolder, InnerFolders } from "./inner-folders.ts";

/** Documents that people look for are at the top of the target, all others in its own folder. */
export const topDocuments: ReadonlySet<string> = new Set(["MANIFEST.jsonl", "SHA256SUMS"]);
export const ownFolder = ".moraine";
const noFollow = constants.O_NOFOLLOW ?? 0;
/** Step in which the end of the last complete line is looked for. */
const tailBytes = 64 * 1024;
const newline = 0x0a;

/** Documents as files of the target's folder. */
export class FolderDocuments implements TargetDocuments, AsyncDisposable {
  readonly #folders: InnerFolders;
  readonly #appended = new Map<string, Promise<Appended>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(folders: InnerFolders) {
    this.#folders = folders;
  }

  append(name: string, text: string): Promise<number> {
    const appending = this.#last.then(() => asTarget(name, () => this.#appendNext(name, text)));
    this.#last = appending.catch(() => undefined);
    return appending;
  }

  async write(name: string, text: AsyncIterable<string>): Promise<void> {
    await asTarget(name, () => this.#in(name, (folder) => this.#replace(folder, name, text)));
  }

  async read(name: string, firstByte = 0): Promise<AsyncIterable<Uint8Array> | null> {
    const file = await asTarget(name, () =>
      this.#folders.ifPresent(folderOf(name), (folder) =>
        open(folder.entry(name), constants.O_RDONLY | noFollow).catch((error: unknown) => {
          if (codeOf(error) === "ENOENT") {
            return null;
          }
          throw error;
        }),
      ),
    );
    return file && Readable.from(bytesOf(file, firstByte));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    const all = await Promise.allSettled(this.#appended.values());
    await Promise.all(all.map((one) => (one.status === "fulfilled" ? one.value.file.close() : undefined)));
  }

  async #appendNext(name: string, text: string): Promise<number> {
    const opening = this.#appended.get(name) ?? this.#in(name, (folder) => openForAppending(folder, name));
    this.#appended.set(name, opening);
    try {
      const appended = await opening;
      const bytes = Buffer.from(text);
      await appended.file.appendFile(bytes);
      await appended.file.datasync();
      appended.sizeBytes += bytes.length;
      return appended.sizeBytes;
    } catch (error) {
      // The next call opens it again, and cuts away the part of a line that was written.
      this.#appended.delete(name);
      await opening.then(({ file }) => file.close()).catch(() => undefined);
      throw error;
    }
  }

  async #replace(folder: InnerFolder, name: string, text: AsyncIterable<string>): Promise<void> {
    const draft = `.${name}.new`;
    await rm(folder.entry(draft), { force: true });
    try {
      await using file = await open(folder.entry(draft), "wx", 0o666);
      for await (const piece of text) {
        await file.appendFile(piece);
      }
      await file.sync();
      await rename(folder.entry(draft), folder.entry(name));
    } catch (error) {
      await rm(folder.entry(draft), { force: true }).catch(() => undefined);
      throw error;
    }
    await folder.sync();
  }

  #in<Value>(name: string, work: (folder: InnerFolder) => Promise<Value>): Promise<Value> {
    return this.#folders.within(folderOf(name), work);
  }
}

interface Appended {
  readonly file: FileHandle;
  sizeBytes: number;
}

const folderOf = (name: string): string => (topDocuments.has(name) ? "" : ownFolder);

async function openForAppending(folder: InnerFolder, name: string): Promise<Appended> {
  const file = await open(
    folder.entry(name),
    constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | noFollow,
    0o666,
  );
  try {
    const { size, nlink } = await file.stat();
    if (nlink > 1) {
      throw new Error(`${folder.path}/${name} has other names (hard links), so nothing is written to it`);
    }
    const sizeBytes = await endOfLines(file, size);
    await file.truncate(sizeBytes);
    await folder.sync();
    return { file, sizeBytes };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Returns the position after the last complete line. */
async function endOfLines(file: FileHandle, sizeBytes: number): Promise<number> {
  const tail = Buffer.alloc(tailBytes);
  for (let end = sizeBytes; end > 0; end -= tailBytes) {
    const start = Math.max(0, end - tailBytes);
    const { bytesRead } = await file.read(tail, 0, end - start, start);
    const last = tail.subarray(0, bytesRead).lastIndexOf(newline);
    if (last >= 0) {
      return start + last + 1;
    }
  }
  return 0;
}

async function* bytesOf(file: FileHandle, firstByte: number): AsyncGenerator<Uint8Array, void, void> {
  yield* file.createReadStream({ start: firstByte });
}
