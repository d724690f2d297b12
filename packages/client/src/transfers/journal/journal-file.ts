import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { openOwnFile } from "../download/files/own-file.ts";
import { local, TransferError } from "../transfer-errors.ts";

const maxBytes = 1024 ** 3;
/** The beginning of every journal: a record of its format. */
const firstBytes = '{"format":"moraine ';

/**
 * An append-only file of JSON lines. An incomplete line at its end, as a crash leaves it, is cut away, so that each line read was written
 * completely.
 */
export class JournalFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens or creates a journal, and returns its records. Throws for a file that is no journal, and leaves it unchanged. */
  static async open(path: string): Promise<{ journal: JournalFile; records: unknown[] }> {
    const { file, isNew } = await local(
      openOwnFile(path, { flags: constants.O_RDWR | constants.O_APPEND, mode: 0o600 }),
    );
    try {
      const { size } = await file.stat();
      if (size > maxBytes) {
        throw new TransferError(`${path} is not a journal: it has ${size} bytes`);
      }
      const bytes = await file.readFile();
      if (!mayBeJournal(bytes)) {
        throw new TransferError(`${path} is not a journal: it does not begin like one`);
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

  /** Resolves when the records are written. A power cut may still lose them, until `sync`. */
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

/** Whether a file may be a journal, whose first line a crash may have cut short, or a power cut filled with zeros. */
function mayBeJournal(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, firstBytes.length)).toString("latin1");
  return firstBytes.startsWith(start) || start.startsWith("\0");
}

/** Parses the records of all complete lines up to the first invalid one, whose position is `wholeBytes`. */
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
