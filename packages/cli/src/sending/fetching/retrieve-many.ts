import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RetrievalOptions } from "@moraine/client/node";
import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import type { ManyIds } from "../../arguments/many-ids.ts";
import type { CommandContext } from "../../context/tools.ts";
import { messageOf, UsageError } from "../../exit-codes.ts";
import { isFatal, isOutage } from "../../rescue/service-errors.ts";
import { FilesProgress } from "../files-progress.ts";
import type { Watched } from "../send-files.ts";

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

/** Archives whose jobs are started before the first of them is downloaded. More would be in memory, and expire before their turn. */
const groupSize = 10_000;

export interface ManyArchives {
  readonly vaultName: string;
  readonly ids: ManyIds;
  /** Their number, if it is known. */
  readonly archives: number | null;
  readonly folder: string;
}

/**
 * Retrieves several archives into a folder, each under its id, in large groups. For each, the list of jobs is read once; then a job is started
 * for each archive that needs one, so that all are prepared at the same time.
 */
export async function retrieveMany(
  tools: CommandContext,
  { ids, archives: count, ...place }: ManyArchives,
  settings: ManySettings,
  { signal, onEvent }: Watched,
): Promise<ManyRetrieved> {
  const { inParallel } = await import("@moraine/client/node");
  await mkdir(place.folder, { recursive: true }).catch((cause: Error) => {
    throw new UsageError(`cannot create the folder: ${cause.message}`, { cause });
  });
  const run = new ManyRetrievals(tools, place, settings, onEvent);
  for await (const group of ids.groups(groupSize)) {
    await run.readJobs(group, signal);
    await inParallel(group, startsMax, (id, ending) => run.start(id, ending), signal);
    run.countBytes(count);
    await inParallel(group, downloadsMax, (id, ending) => run.download(id, ending), signal);
  }
  ids.assertAllRead();
  return run.result;
}

type Place = Pick<ManyArchives, "vaultName" | "folder">;

class ManyRetrievals {
  readonly #tools: CommandContext;
  readonly #place: Place;
  readonly #settings: ManySettings;
  readonly #progress: FilesProgress;
  readonly #onEvent: Watched["onEvent"];
  readonly #jobs = new Map<string, GlacierJobDescription[]>();
  readonly #failed = new Set<string>();
  #waitingCount = 0;
  readonly #total = { files: 0, bytes: 0 };

  constructor(tools: CommandContext, place: Place, settings: ManySettings, onEvent: Watched["onEvent"]) {
    this.#tools = tools;
    this.#place = place;
    this.#settings = settings;
    this.#onEvent = onEvent;
    this.#progress = new FilesProgress(onEvent);
  }

  get result(): ManyRetrieved {
    const { done, known, failed } = this.#progress.counts;
    return { retrieved: done.files, alreadyComplete: known.files, waiting: this.#waitingCount, failed };
  }

  /** Reads the service's list of jobs once, and keeps those of a group of archives alone. */
  async readJobs(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const { everyItem } = await import("@moraine/client/node");
    const { vaultName } = this.#place;
    this.#jobs.clear();
    this.#failed.clear();
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
    const { vaultName } = this.#place;
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

  /** Adds up the sizes of the group's archives, which their jobs have. @param count the number of all archives, if it is known */
  countBytes(count: number | null): void {
    this.#total.files += this.#jobs.size;
    this.#total.bytes += [...this.#jobs.values()].reduce((sum, [job]) => sum + (job?.ArchiveSizeInBytes ?? 0), 0);
    this.#progress.totalKnown({ ...this.#total, files: Math.max(count ?? 0, this.#total.files) });
  }

  async download(archiveId: string, signal: AbortSignal): Promise<void> {
    if (this.#failed.has(archiveId)) {
      return;
    }
    const { retrieveArchive } = await import("@moraine/client/node");
    const { vaultName } = this.#place;
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
    return join(this.#place.folder, archiveId);
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
