import { hash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rm, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ArchiveFacts } from "../target.ts";

/** The upload that a journal is of. Another archive, key or size of parts starts another upload. */
export interface PartedUpload {
  readonly key: string;
  readonly treeHash: string;
  readonly partSizeBytes: number;
}

/** A part that the store has. */
export interface SentPart {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
  readonly treeHash: string;
}

/** Returns the path of an archive's journal, whatever its id contains. */
export const partJournalPath = (folder: string, { archiveId }: Pick<ArchiveFacts, "archiveId">): string =>
  join(folder, `${hash("sha256", archiveId).slice(0, 32)}.parts`);

/**
 * Remembers the tree hashes of the parts of an upload: a store can tell which parts it has, but not whether they are the archive's. A line for
 * each part; the first line has the upload.
 */
export class PartJournal implements AsyncDisposable {
  /** Null until the upload was started. */
  uploadId: string | null;
  readonly parts: Map<number, SentPart>;
  readonly #path: string;
  readonly #upload: PartedUpload;
  #opening: Promise<FileHandle> | null = null;

  private constructor(path: string, upload: PartedUpload, found: Pick<PartJournal, "uploadId" | "parts">) {
    this.#path = path;
    this.#upload = upload;
    this.uploadId = found.uploadId;
    this.parts = found.parts;
  }

  static async open(path: string, upload: PartedUpload): Promise<PartJournal> {
    const { records, validBytes, sizeBytes } = await read(path);
    if (validBytes < sizeBytes) {
      await truncate(path, validBytes);
    }
    const [head, ...lines] = records;
    const isSame =
      head?.["key"] === upload.key &&
      head["treeHash"] === upload.treeHash &&
      head["partSizeBytes"] === upload.partSizeBytes;
    const parts = isSame ? (lines as unknown as SentPart[]).map((part) => [part.number, part] as const) : [];
    const uploadId = isSame ? String(head["uploadId"]) : null;
    return new PartJournal(path, upload, { uploadId, parts: new Map(parts) });
  }

  /** Starts the journal of an upload, and replaces an earlier one. */
  async begin(uploadId: string): Promise<void> {
    await this.#close();
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#opening = open(this.#path, "w", 0o600);
    await this.#write({ ...this.#upload, uploadId });
    this.uploadId = uploadId;
    this.parts.clear();
  }

  /** Not synced: a part whose line is lost by a power cut is sent again. */
  async add(part: SentPart): Promise<void> {
    this.#opening ??= open(this.#path, "a", 0o600);
    await this.#write(part);
    this.parts.set(part.number, part);
  }

  async remove(): Promise<void> {
    await this.#close();
    await removeJournal(this.#path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #write(record: object): Promise<void> {
    const file = await this.#opening;
    await file?.appendFile(`${JSON.stringify(record)}\n`);
  }

  async #close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    await (await opening)?.close();
  }
}

export const removeJournal = (path: string): Promise<void> => rm(path, { force: true });

/** Reads the id of the upload that a journal is of; null if there is none. */
export async function journaledUpload(path: string): Promise<{ key: string; uploadId: string } | null> {
  const [head] = (await read(path)).records;
  return head === undefined ? null : { key: String(head["key"]), uploadId: String(head["uploadId"]) };
}

/** Returns the records up to the first line that is invalid: a kill has cut it. */
async function read(
  path: string,
): Promise<{ records: Record<string, unknown>[]; validBytes: number; sizeBytes: number }> {
  const bytes = await readFile(path).catch(() => Buffer.alloc(0));
  const records: Record<string, unknown>[] = [];
  let validBytes = 0;
  for (let end = bytes.indexOf("\n"); end >= 0; end = bytes.indexOf("\n", validBytes)) {
    try {
      records.push(JSON.parse(bytes.toString("utf8", validBytes, end)));
    } catch {
      break;
    }
    validBytes = end + 1;
  }
  return { records, validBytes, sizeBytes: bytes.length };
}
