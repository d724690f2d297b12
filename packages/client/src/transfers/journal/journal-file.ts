import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { openOwnFile } from "../download/own-file.ts";
import { local, TransferError } from "../transfer-errors.ts";

const maxBytes = 1024 ** 3;
/** Every journal starts with a record of its format. */
const firstBytes = '{"format":"moraine ';

/**
 * A file of JSON lines that only ever grows. What a crash tore off at its end is ignored and cut away, so that every line
 * read back was once written whole.
 */
export class JournalFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens or creates it, and gives the records it holds. Throws for a file that is no journal, and leaves that as it is. */
  static async open(path: string): Promise<{ journal: JournalFile; records: unknown[] }> {
    const { file, isNew } = await local(
      openOwnFile(path, { flags: constants.O_RDWR | constants.O_APPEND, mode: 0o600 }),
    );
    try {
      const { size } = await file.stat();
      if (size > maxBytes) {
        throw new TransferError(`${path} is no journal: it has ${size} bytes`);
      }
      const bytes = await file.readFile();
      if (!mayBeJournal(bytes)) {
        throw new TransferError(`${path} is no journal: it begins otherwise`);
      }
      const { records, wholeBytes } = parseRecords(bytes);
      if (wholeBytes < size) {
        await file.truncate(wholeBytes);
      }
      if (isNew) {
        await syncFolder(dirname(path));
      }
      return { journal: new JournalFile(file), records };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Resolves when the system has the records; a power cut may still take them, until `sync`. */
  async append(...records: readonly object[]): Promise<void> {
    await local(this.#file.appendFile(records.map((record) => `${JSON.stringify(record)}\n`).join("")));
  }

  async sync(): Promise<void> {
    await local(this.#file.datasync());
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** A crash may have torn its first line, and a power cut left zeros. */
function mayBeJournal(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, firstBytes.length)).toString("latin1");
  return firstBytes.startsWith(start) || start.startsWith("\0");
}

/** The records of all whole lines, up to the first that is none, and where that begins. */
export function parseRecords(bytes: Uint8Array): { records: unknown[]; wholeBytes: number } {
  const records: unknown[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    const record = parseObject(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString());
    if (record === undefined) {
      break;
    }
    records.push(record);
    start = end + 1;
  }
  return { records, wholeBytes: start };
}

/** Makes names in the folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const newline = 0x0a;

function parseObject(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
