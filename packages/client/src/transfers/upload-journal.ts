import { readFile, rm } from "node:fs/promises";
import { JournalFile, parseRecords } from "./journal-file.ts";
import { JournalMismatchError } from "./transfer-errors.ts";

/** What has to be the same for an upload to go on. */
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

/** How far an upload has come, by its journal. */
export interface UploadState {
  readonly upload: { readonly uploadId: string; readonly partSizeBytes: number } | null;
  /** The service was asked for it, or was about to be. */
  readonly completing: Completion | null;
  readonly archiveId: string | null;
  /** The archive's tree hash as the service named it, when it did. */
  readonly checksum: string | null;
}

const format = "moraine upload 1";

/**
 * What the service cannot tell of an upload that broke off: which one it was, and whether it was asked to complete it. Which
 * parts it has, it tells itself.
 */
export class UploadJournal implements AsyncDisposable {
  state: UploadState;
  readonly #file: JournalFile | null;

  private constructor(file: JournalFile | null, state: UploadState) {
    this.#file = file;
    this.state = state;
  }

  /** @param path null keeps the state in memory alone. Throws JournalMismatchError when it tells of another upload. */
  static async open(path: string | null, identity: UploadIdentity): Promise<UploadJournal> {
    if (path === null) {
      return new UploadJournal(null, nothing);
    }
    const { journal: file, records } = await JournalFile.open(path);
    try {
      const [head, ...rest] = records as [Head?, ...Partial<UploadState>[]];
      if (head === undefined) {
        await file.append({ format, ...identity } satisfies Head);
        await file.sync();
      } else {
        assertSame(path, head, identity);
      }
      return new UploadJournal(file, Object.assign({ ...nothing }, ...rest));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Whether a later run will know what this one did. */
  get isKept(): boolean {
    return this.#file !== null;
  }

  /** Resolves when it would survive a power cut. */
  async note(change: Partial<UploadState>): Promise<void> {
    this.state = { ...this.state, ...change };
    await this.#file?.append(change);
    await this.#file?.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }
}

const nothing: UploadState = { upload: null, completing: null, archiveId: null, checksum: null };

/** The upload that a journal tells of, in its vault, also when it is another than the one asked for. Null when there is none. */
export async function readBegun(
  path: string,
): Promise<{ vaultName: string; accountId: string | undefined; uploadId: string } | null> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") {
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

export async function forgetUpload(path: string): Promise<void> {
  await rm(path, { force: true });
}

type Head = UploadIdentity & { readonly format: string };

function assertSame(path: string, head: Head, identity: UploadIdentity): void {
  const differing = Object.entries({ format, ...identity }).find(
    ([name, value]) => head[name as keyof Head] !== value,
  )?.[0];
  if (differing !== undefined) {
    throw new JournalMismatchError(
      `${path} tells of another upload: its ${differing} differs. Remove it to upload from the beginning`,
    );
  }
}
