import { readFile, rm } from "node:fs/promises";
import { hasCode } from "../../error-code.ts";
import { JournalFile, parseRecords } from "../journal/journal-file.ts";
import { asError, JournalMismatchError, local } from "../transfer-errors.ts";

/** The properties that must be unchanged for an upload to be resumed. */
export interface UploadIdentity {
  readonly vaultName: string;
  readonly accountId: string | null;
  readonly description: string | null;
  /** Null for a stream: its bytes are compared, part by part. */
  readonly source: string | null;
}

/** An archive as it is about to be completed. */
export interface Completion {
  readonly sizeBytes: number;
  readonly treeHash: string;
}

/** The progress of an upload, according to its journal. */
export interface UploadState {
  /** The account that the vault belongs to, twelve digits, as the service named it. */
  readonly account: string | null;
  readonly upload: { readonly uploadId: string; readonly partSizeBytes: number } | null;
  /** A request with all bytes that was sent, or was about to be. Repeated with the same id, it makes no second archive for a day. */
  readonly request: { readonly invocationId: string; readonly madeAt: number } | null;
  /** The archive that the service was asked to make, or was about to be. */
  readonly completing: Completion | null;
  readonly archiveId: string | null;
  /** The archive's tree hash, if the service has reported it. */
  readonly checksum: string | null;
  /** The time at which the service had the archive, in milliseconds since 1970. */
  readonly storedAt: number | null;
}

const format = "moraine upload 1";

/**
 * Records the facts of an interrupted upload that the service cannot report: its id, and whether the service was asked to complete it. The
 * parts are not recorded, since the service lists them.
 */
export class UploadJournal implements AsyncDisposable {
  state: UploadState;
  /** The property in which the journal's upload differs from the requested one; null if it may be resumed. */
  readonly differing: string | null;
  readonly #path: string | null;
  readonly #file: JournalFile | null;

  private constructor(
    path: string | null,
    file: JournalFile | null,
    found: Pick<UploadJournal, "state" | "differing">,
  ) {
    this.#path = path;
    this.#file = file;
    this.state = found.state;
    this.differing = found.differing;
  }

  /**
   * Opens or creates a journal. Throws JournalMismatchError for another kind of file.
   * @param path null keeps the state only in memory.
   */
  static async open(path: string | null, identity: UploadIdentity): Promise<UploadJournal> {
    if (path === null) {
      return new UploadJournal(null, null, { state: nothing, differing: null });
    }
    const { journal: file, records } = await JournalFile.open(path);
    try {
      const [head, ...rest] = records as [Head?, ...Partial<UploadState>[]];
      if (head === undefined) {
        await file.append({ format, ...identity } satisfies Head);
        await file.sync();
      } else if (head.format !== format) {
        throw new JournalMismatchError(
          `${path} is not the journal of an upload, or of another version; choose another file`,
        );
      }
      const state: UploadState = Object.assign({ ...nothing }, ...rest);
      return new UploadJournal(path, file, { state, differing: differenceOf(head, identity) });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Whether the state is kept for a later run. */
  get isKept(): boolean {
    return this.#file !== null;
  }

  /** Records a change. Resolves when it would survive a power cut. */
  async note(change: Partial<UploadState>): Promise<void> {
    this.state = { ...this.state, ...change };
    const file = this.#file;
    if (file !== null) {
      await local(file.append(change).then(() => file.sync()));
    }
  }

  /** Records the archive's id. Returns the error if that fails, so that the caller still gets the id. */
  async noteArchive(change: Pick<UploadState, "archiveId" | "checksum"> & Partial<UploadState>): Promise<Error | null> {
    try {
      await this.note({ ...change, storedAt: this.now() });
      return null;
    } catch (error) {
      return asError(error);
    }
  }

  /** Milliseconds since 1970, by this machine's clock. */
  now(): number {
    return Date.now();
  }

  ageOf(time: number): number {
    return this.now() - time;
  }

  /** Closes the file, and removes it if there is nothing that a later run could resume. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
    const { upload, request, completing, archiveId } = this.state;
    const isBegun = [upload, request, completing, archiveId].some((value) => value !== null);
    if (this.#path !== null && !isBegun) {
      await forgetUpload(this.#path);
    }
  }
}

const nothing: UploadState = {
  account: null,
  upload: null,
  request: null,
  completing: null,
  archiveId: null,
  checksum: null,
  storedAt: null,
};

/** Reads the upload of a journal, with its vault, also if it is not the requested one. Null if there is none. */
export async function readUnfinished(
  path: string,
): Promise<{ vaultName: string; accountId: string | undefined; uploadId: string } | null> {
  const bytes = await readFile(path).catch((error: unknown) => {
    if (!hasCode(error, "ENOENT")) {
      throw error;
    }
    return new Uint8Array();
  });
  const [head, ...rest] = parseRecords(bytes).records as [Head?, ...Partial<UploadState>[]];
  const { upload } = Object.assign({ ...nothing }, ...rest) as UploadState;
  if (head === undefined || upload === null) {
    return null;
  }
  return { vaultName: head.vaultName, accountId: head.accountId ?? undefined, uploadId: upload.uploadId };
}

/** The upload that a journal records. */
export interface UnfinishedUpload {
  /** Null if none has been started, or if all bytes go in one request. */
  readonly uploadId: string | null;
  /** The archive, if the upload is complete. */
  readonly archiveId: string | null;
}

/** Reads the last upload that a journal records; nothing is locked or changed. Null if there is no journal to read. */
export async function readUnfinishedUpload(journal: string): Promise<UnfinishedUpload | null> {
  const bytes = await readFile(journal).catch(() => null);
  if (bytes === null) {
    return null;
  }
  const records = parseRecords(bytes).records as Partial<UploadState>[];
  const { archiveId } = Object.assign({ ...nothing }, ...records) as UploadState;
  return { uploadId: records.findLast(({ upload }) => upload)?.upload?.uploadId ?? null, archiveId };
}

export async function forgetUpload(path: string): Promise<void> {
  await rm(path, { force: true });
}

type Head = UploadIdentity & { readonly format: string };

function differenceOf(head: Head | undefined, identity: UploadIdentity): string | null {
  if (head === undefined) {
    return null;
  }
  const differing = Object.entries({ format, ...identity }).find(([name, value]) => head[name as keyof Head] !== value);
  return differing?.[0] ?? null;
}
