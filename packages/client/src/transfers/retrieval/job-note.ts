import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type { GlacierJobDescription } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import { neverAborted, type TransferOptions } from "../events.ts";
import { JournalFile, parseRecords } from "../journal/journal-file.ts";
import type { FoundJob, JobMark } from "./find-job.ts";

/** The output that a job is for. */
export interface NoteSubject {
  readonly vaultName: string;
  readonly accountId: string | null;
  readonly archiveId: string | null;
  readonly inventoryFormat: string | null;
}

const format = "moraine job 1";

type NoteRecord = NoteSubject & {
  readonly format: string;
  /** Null until the response to its start has been received. */
  readonly jobId: string | null;
  readonly isStarted: boolean;
  /** Set for a job that is new in any case. */
  readonly description: string | null;
};

/**
 * A file that remembers the job of a transfer until the transfer is complete, so that another run takes the same one. That run needs no
 * list of jobs, and starts no job even if it was to start one in any case.
 */
export class JobNote {
  readonly #path: string | null;
  readonly #subject: NoteSubject;
  readonly #onlyStarted: boolean;

  /**
   * @param path null remembers nothing.
   * @param onlyStarted notes only jobs that were started. For outputs of which no part is kept, so that another run may take a newer job.
   */
  constructor(path: string | null, subject: NoteSubject, { onlyStarted = false } = {}) {
    this.#path = path;
    this.#subject = subject;
    this.#onlyStarted = onlyStarted;
  }

  /** Returns the noted job. Null if there is none for this output, or it no longer exists or has failed. */
  async job(client: GlacierClient, signal: AbortSignal = neverAborted): Promise<NotedJob | null> {
    const record = await this.#read();
    if (record === null || record.jobId === null) {
      return null;
    }
    const { vaultName, accountId } = this.#subject;
    const reference = { vaultName, accountId: accountId ?? undefined, jobId: record.jobId };
    const description = await describedJob(client, reference, signal);
    return description && { ...reference, isStarted: record.isStarted, description };
  }

  /** Resolves to the mark of a job that is about to be started, once the mark is recorded. */
  async mark(options: TransferOptions): Promise<JobMark> {
    const record = await this.#read();
    if (record?.jobId === null && record.description !== null) {
      return { description: record.description, isEarlier: true };
    }
    const description = `moraine ${randomUUID()}`;
    await this.#append({ jobId: null, isStarted: true, description }, options);
    return { description, isEarlier: false };
  }

  async write({ jobId, isStarted }: FoundJob, options: TransferOptions): Promise<void> {
    if (isStarted || !this.#onlyStarted) {
      await this.#append({ jobId, isStarted, description: null }, options);
    }
  }

  async forget(): Promise<void> {
    if (this.#path !== null) {
      await rm(this.#path, { force: true });
    }
  }

  /** Appends a record that survives a power cut, since the job may have cost money. A file that cannot be written causes only a warning. */
  async #append(job: Pick<NoteRecord, "jobId" | "isStarted" | "description">, options: TransferOptions): Promise<void> {
    if (this.#path === null) {
      return;
    }
    try {
      const { journal } = await JournalFile.open(this.#path);
      try {
        await journal.append({ format, ...this.#subject, ...job } satisfies NoteRecord);
        await journal.sync();
      } finally {
        await journal.close();
      }
    } catch (error) {
      const message = `The job could not be recorded, so another run may start another job: ${(error as Error).message}`;
      options.onEvent?.({ kind: "warning", code: "job-not-noted", message });
    }
  }

  async #read(): Promise<NoteRecord | null> {
    const bytes = this.#path === null ? null : await readFile(this.#path).catch(() => null);
    const last = parseRecords(bytes ?? new Uint8Array()).records.at(-1) as Partial<NoteRecord> | undefined;
    const wanted = Object.entries({ format, ...this.#subject });
    const isOurs = last !== undefined && wanted.every(([name, value]) => last[name as keyof NoteRecord] === value);
    return isOurs ? (last as NoteRecord) : null;
  }
}

export interface NotedJob extends FoundJob {
  readonly description: GlacierJobDescription;
}

/** Describes a job; null if it no longer exists or has failed. */
export async function describedJob(
  client: GlacierClient,
  job: { readonly vaultName: string; readonly accountId?: string | undefined; readonly jobId: string },
  signal: AbortSignal,
): Promise<GlacierJobDescription | null> {
  try {
    const { vaultName, accountId, jobId } = job;
    const description = await client.describeJob({ vaultName, accountId, jobId }, { signal });
    return description.StatusCode === "Failed" ? null : description;
  } catch (error) {
    if (hasCode(error, "ResourceNotFoundException")) {
      return null;
    }
    throw error;
  }
}
