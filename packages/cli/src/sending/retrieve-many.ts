import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RetrievalOptions } from "@moraine/client/node";
import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import type { CommandContext } from "../context/tools.ts";
import { messageOf, UsageError } from "../exit-codes.ts";
import { isFatal, isOutage } from "../rescue/service-errors.ts";
import { FilesProgress } from "./files-progress.ts";
import type { Watched } from "./send-files.ts";

/** The settings of each retrieval. */
export interface ManySettings {
  readonly tier?: JobTier;
  readonly waitMillisecondsMax?: number;
  readonly overwrite: boolean;
  readonly acceptUnverified: boolean;
  readonly skipExisting: boolean;
  readonly rangeSizeBytes?: number;
  /** Ranges of each archive at once. */
  readonly concurrency?: number;
  readonly bandwidth?: NonNullable<Parameters<typeof import("@moraine/client/node").retrieveArchive>[2]["bandwidth"]>;
}

export interface ManyRetrieved {
  readonly retrieved: number;
  readonly alreadyComplete: number;
  /** Jobs that are still in progress. */
  readonly waiting: number;
  readonly failed: number;
}

/** Archives that are downloaded at once, each by several ranges. */
const downloadsMax = 4;
/** Requests for jobs at once. */
const startsMax = 8;

/**
 * Retrieves several archives into a folder, each under its id. The list of jobs is read once; then a job is started for each archive that
 * needs one, so that all are prepared at the same time.
 */
export async function retrieveMany(
  tools: CommandContext,
  archives: { readonly vaultName: string; readonly ids: readonly string[]; readonly folder: string },
  settings: ManySettings,
  { signal, onEvent }: Watched,
): Promise<ManyRetrieved> {
  const { inParallel } = await import("@moraine/client/node");
  await mkdir(archives.folder, { recursive: true }).catch((cause: Error) => {
    throw new UsageError(`cannot create the folder: ${cause.message}`, { cause });
  });
  const run = new ManyRetrievals(tools, archives, settings, onEvent);
  await run.readJobs(signal);
  await inParallel(archives.ids, startsMax, (id, ending) => run.start(id, ending), signal);
  run.countBytes();
  await inParallel(archives.ids, downloadsMax, (id, ending) => run.download(id, ending), signal);
  return run.result;
}

class ManyRetrievals {
  readonly #tools: CommandContext;
  readonly #archives: Parameters<typeof retrieveMany>[1];
  readonly #settings: ManySettings;
  readonly #progress: FilesProgress;
  readonly #onEvent: Watched["onEvent"];
  readonly #jobs = new Map<string, GlacierJobDescription[]>();
  readonly #failed = new Set<string>();
  #waitingCount = 0;

  constructor(
    tools: CommandContext,
    archives: Parameters<typeof retrieveMany>[1],
    settings: ManySettings,
    onEvent: Watched["onEvent"],
  ) {
    this.#tools = tools;
    this.#archives = archives;
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.#progress = new FilesProgress(onEvent);
  }

  get result(): ManyRetrieved {
    const { done, known, failed } = this.#progress.counts;
    return { retrieved: done.files, alreadyComplete: known.files, waiting: this.#waitingCount, failed };
  }

  /** Reads the service's list of jobs once, and keeps those of the wanted archives. */
  async readJobs(signal: AbortSignal): Promise<void> {
    const { everyItem } = await import("@moraine/client/node");
    const { vaultName, ids } = this.#archives;
    for (const id of ids) {
      this.#jobs.set(id, []);
    }
    for await (const job of everyItem(await this.#tools.client(), "listJobs", { vaultName }, { signal })) {
      this.#jobs.get(job.ArchiveId ?? "")?.push(job);
    }
  }

  /** Starts the job of an archive, unless it has one, or its file exists and may be complete. */
  async start(archiveId: string, signal: AbortSignal): Promise<void> {
    const { startRetrieval } = await import("@moraine/client/node");
    const { vaultName } = this.#archives;
    const { tier } = this.#settings;
    if (await exists(this.#targetOf(archiveId))) {
      return;
    }
    try {
      const client = await this.#tools.client();
      const listedJobs = this.#jobs.get(archiveId) ?? [];
      const options = { listedJobs, signal, onEvent: this.#onEvent, ...(tier !== undefined && { tier }) };
      const jobId = await startRetrieval(client, { vaultName, archiveId }, options);
      if (!listedJobs.some((job) => job.JobId === jobId)) {
        this.#jobs.set(archiveId, [await client.describeJob({ vaultName, jobId }, { signal })]);
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#fail(archiveId, error);
    }
  }

  /** Adds up the sizes of all archives, which their jobs have. */
  countBytes(): void {
    const sizes = [...this.#jobs.values()].map(([job]) => job?.ArchiveSizeInBytes ?? 0);
    this.#progress.totalKnown({ files: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) });
  }

  async download(archiveId: string, signal: AbortSignal): Promise<void> {
    if (this.#failed.has(archiveId)) {
      return;
    }
    const { retrieveArchive } = await import("@moraine/client/node");
    const { vaultName } = this.#archives;
    const target = this.#targetOf(archiveId);
    const listedJobs = this.#jobs.get(archiveId) ?? [];
    const onEvent: RetrievalOptions["onEvent"] = this.#progress.ofFile(archiveId);
    try {
      const client = await this.#tools.client();
      const options = { ...this.#settings, target, listedJobs, signal, onEvent };
      const { sizeBytes, alreadyComplete } = await retrieveArchive(client, { vaultName, archiveId }, options);
      const state = alreadyComplete ? "present" : "fetched";
      this.#progress.ended({ state, path: archiveId, archiveId, sizeBytes });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Error && error.name === "JobNotReadyError") {
        this.#waitingCount += 1;
        return;
      }
      this.#fail(archiveId, error);
    }
  }

  #targetOf(archiveId: string): string {
    return join(this.#archives.folder, archiveId);
  }

  /** Reports an archive that cannot be retrieved. Throws an error that concerns all. */
  #fail(archiveId: string, error: unknown): void {
    if (isFatal(error) || isOutage(error)) {
      throw error;
    }
    this.#failed.add(archiveId);
    this.#progress.ended({ state: "failed", path: archiveId, archiveId, message: messageOf(error) });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
