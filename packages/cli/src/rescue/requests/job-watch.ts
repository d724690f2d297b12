import { everyPage, type ListedItem } from "@moraine/client";
import { inParallel } from "@moraine/client/node";
import { damagedArchiveMessage } from "@moraine/protocol";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { ListedNumbers } from "../../catalog/inventory/listed-numbers.ts";
import type { CatalogJob } from "../../catalog/tables/job-table.ts";
import { refund } from "../costs/charges.ts";
import type { Recorder } from "../recording/recorder.ts";
import { isWanted, type RescueParts, type RescueState } from "../rescue-state.ts";
import { learnedLatency, type Tier, tiers } from "../schedule/schedule.ts";
import { isFatal, isNotFound, isOutage } from "../service-errors.ts";
import { UncertainRequests } from "./uncertain-requests.ts";

type Job = ListedItem<"listJobs">;

/** Up to this number of jobs, each is asked for by itself. */
const describedMax = 8;
/** The oldest jobs are asked for even if all are listed: a failed one is in no list of those that have succeeded. */
const oldestDescribed = 2;
const pageSize = 50;
/** An archive is given up when this number of its jobs has failed. */
const failedJobsMax = 3;
const pauseMilliseconds = { first: 200, growth: 1.5, most: 600_000 } as const;
/** A job that is older, and in no list, is not asked for: no output lasts as long. */
const outputMillisecondsMax = 2 * 24 * 3_600_000;
const describedAtOnce = 16;
/** A list takes at most this part of the time, as its inverse. */
const listShare = 4;

/** Keeps the jobs of the catalogue as the service has them: in lists, not by a request for each. */
export class JobWatch {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #recorder: Recorder;
  #wasReady = false;
  /** A job has expired before its output was seen, as others may have: only the complete list shows that. */
  #isListNeeded = false;
  readonly #uncertain: UncertainRequests;

  constructor(parts: RescueParts, state: RescueState, recorder: Recorder) {
    this.#parts = parts;
    this.#state = state;
    this.#recorder = recorder;
    this.#uncertain = new UncertainRequests(parts, state, recorder);
  }

  /**
   * Counts the jobs that the catalogue knows, so that their outputs can be fetched before the list is complete, and takes over requests without
   * a response.
   */
  async begin(): Promise<void> {
    this.#takeOver();
    for (const state of ["requested", "ready"] as const) {
      for await (const batch of this.#parts.catalog.jobs.inState(state)) {
        for (const job of batch) {
          this.#countKnown(job);
        }
      }
    }
  }

  /** Takes over requests of a run that was killed: what was not sent is not paid for, and a list shows what became of the others. */
  #takeOver(): void {
    const { catalog, now } = this.#parts;
    for (const [number, { tier: name, sentAt }] of catalog.requests.all()) {
      const tier = tierNamed(name);
      const archive = catalog.archives.byNumber(number);
      if (archive === null) {
        catalog.requests.delete(number);
      } else if (sentAt === null) {
        refund(this.#parts, this.#state, archive, tier);
      } else {
        // A clock may have been set back.
        this.#state.uncertain.set(number, { tier, since: Math.min(sentAt, now()) });
      }
    }
  }

  /** Runs until the signal aborts. Each wait is short after news, and longer without. */
  async run(signal: AbortSignal): Promise<void> {
    let pause: number = pauseMilliseconds.first;
    while (!signal.aborted) {
      const started = performance.now();
      const hasNews = await this.poll(signal);
      const tookMilliseconds = performance.now() - started;
      pause = hasNews ? pauseMilliseconds.first : Math.min(pauseMilliseconds.most, pause * pauseMilliseconds.growth);
      const untilSettled = this.#uncertain.settledAt() - this.#parts.now();
      const untilNews = untilSettled > 0 ? Math.min(pause, untilSettled) : pause;
      const ofShare = Math.min(pauseMilliseconds.most, tookMilliseconds * listShare);
      await this.#sleep(Math.max(untilNews, ofShare), signal);
    }
  }

  /** Looks once. Returns whether a job has become ready. */
  async poll(signal: AbortSignal): Promise<boolean> {
    this.#wasReady = false;
    try {
      if (!this.#state.isListed || this.#isListNeeded || this.#uncertain.settledAt() <= this.#parts.now()) {
        await this.#listAll(signal);
      } else {
        await this.#look(signal);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (isFatal(error) || !isOutage(error)) {
        throw error;
      }
      this.#parts.onEvent({
        kind: "warning",
        message: `Jobs cannot be listed at the moment: ${(error as Error).message}`,
      });
    }
    this.#state.quietLooks = this.#wasReady ? 0 : this.#state.quietLooks + 1;
    this.#state.changed.wake();
    return this.#wasReady;
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { requested, ready, fetched } = this.#parts.catalog.jobs.countByState();
    await this.#describeOldest(requested <= describedMax ? describedMax : oldestDescribed, signal);
    if (requested <= describedMax) {
      return;
    }
    // The shorter list is read: of jobs in progress, of which those that are missing have ended, or of those that have succeeded.
    await (requested <= ready + fetched ? this.#listInProgress(signal) : this.#listSucceeded(signal));
  }

  /** Reads the complete list, adopts jobs of other runs, and finds out which known ones no longer exist. */
  async #listAll(signal: AbortSignal): Promise<void> {
    const listed = new ListedNumbers();
    const listedAt = this.#parts.now();
    await this.#eachPage({}, signal, (job) => {
      const known = this.#note(job);
      if (known !== null) {
        listed.add(known);
      }
    });
    await this.#askForMissing(listed, listedAt - this.#parts.listLagMilliseconds, signal);
    this.#uncertain.settle(listedAt);
    this.#isListNeeded = false;
    this.#state.isListed = true;
  }

  /** Asks for the jobs that no list has, before others are paid for. */
  async #askForMissing(listed: ListedNumbers, settledBefore: number, signal: AbortSignal): Promise<void> {
    const missing = this.#missing(listed, settledBefore);
    await inParallel(missing, describedAtOnce, (job, ending) => this.#askFor(job, ending), signal);
  }

  async *#missing(listed: ListedNumbers, settledBefore: number): AsyncGenerator<CatalogJob, void, void> {
    for (const state of ["requested", "ready"] as const) {
      for await (const batch of this.#parts.catalog.jobs.inState(state)) {
        for (const job of batch.filter(({ number, requestedAt }) => {
          return !listed.has(number) && requestedAt.getTime() < settledBefore;
        })) {
          yield job;
        }
      }
    }
  }

  async #askFor(job: CatalogJob, signal: AbortSignal): Promise<void> {
    const ageMilliseconds = this.#parts.now() - job.requestedAt.getTime();
    if (ageMilliseconds > outputMillisecondsMax) {
      this.#expired(job);
    } else {
      await this.describe(job, signal);
    }
  }

  async #listInProgress(signal: AbortSignal): Promise<void> {
    const inProgress = new ListedNumbers();
    const settledBefore = this.#parts.now() - this.#parts.listLagMilliseconds;
    await this.#eachPage({ statuscode: "InProgress" }, signal, (job) => {
      const known = this.#note(job);
      if (known !== null) {
        inProgress.add(known);
      }
    });
    const { catalog, now } = this.#parts;
    for await (const batch of catalog.jobs.inState("requested")) {
      catalog.change(() => {
        for (const job of batch) {
          if (!inProgress.has(job.number) && job.requestedAt.getTime() < settledBefore) {
            this.#ready(job, new Date(now()), null);
          }
        }
      });
    }
  }

  async #listSucceeded(signal: AbortSignal): Promise<void> {
    await this.#eachPage({ statuscode: "Succeeded" }, signal, (job) => this.#note(job));
  }

  async #eachPage(
    filter: { readonly statuscode?: "InProgress" | "Succeeded" },
    signal: AbortSignal,
    note: (job: Job) => void,
  ): Promise<void> {
    const { client, vaultName, catalog } = this.#parts;
    const input = { vaultName, limit: pageSize, ...filter };
    for await (const page of everyPage(client, "listJobs", input, { signal })) {
      catalog.change(() => {
        for (const job of page.JobList) {
          note(job);
        }
      });
    }
  }

  async #describeOldest(count: number, signal: AbortSignal): Promise<void> {
    const { value: oldest = [] } = await this.#parts.catalog.jobs.inState("requested", { batchSize: count }).next();
    for (const job of oldest as readonly CatalogJob[]) {
      const description = await this.describe(job, signal);
      this.#isListNeeded ||= description === null;
    }
  }

  /** Asks for one job, and records what the service says. Returns null if it no longer exists. */
  async describe(job: CatalogJob, signal: AbortSignal): Promise<Job | null> {
    const { client, vaultName } = this.#parts;
    try {
      const description = await client.describeJob({ vaultName, jobId: job.jobId }, { signal });
      this.#note(description);
      return description;
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      this.#expired(job);
      return null;
    }
  }

  /**
   * Records a job as the service describes it, also one that another run has started. Returns the number of its archive, if it is the job that
   * the catalogue has of it.
   */
  #note(job: Job): number | null {
    const { catalog } = this.#parts;
    const archive = isWhole(job) && job.ArchiveId !== null ? catalog.archives.get(job.ArchiveId) : null;
    // A job that this run is starting is listed before its response arrives.
    if (archive === null || this.#state.requesting.has(archive.number)) {
      return null;
    }
    const known = catalog.jobs.of(archive.number);
    if (known?.jobId === job.JobId) {
      this.#uncertain.listed(archive.number);
      this.#noteKnown(job, known, archive);
    } else if (job.StatusCode !== "Failed" && this.#mayAdopt(known, archive, job)) {
      this.#adopt(job, archive, known);
    } else {
      return null;
    }
    return archive.number;
  }

  #noteKnown(job: Job, known: CatalogJob, archive: CatalogArchive): void {
    if (job.StatusCode === "Failed" && (known.state === "requested" || known.state === "ready")) {
      this.failed(known, archive, job.StatusMessage ?? "the service does not say why");
    } else if (job.StatusCode === "Succeeded" && known.state === "requested") {
      this.#ready(known, dateOf(job.CompletionDate), job);
    } else if (job.StatusCode === "InProgress" && known.state === "ready") {
      // It was missing in a list of those in progress.
      this.#parts.catalog.jobs.inProgress(job.JobId);
    } else if (job.StatusCode === "Succeeded" && known.state === "fetched" && this.#mayPay(archive)) {
      // Fetched for another target, by a run whose copy was lost, or too dear for the last run.
      this.#parts.catalog.unpaid.add(archive.number);
      this.#parts.catalog.jobs.ready(job.JobId, dateOf(job.CompletionDate));
      this.#state.addAhead(archive);
      this.#hasNews();
    }
  }

  /** A job of another run is taken if there is none, or if it has succeeded before the known one. */
  #mayAdopt(known: CatalogJob | null, archive: CatalogArchive, job: Job): boolean {
    const isLive = known?.state === "requested" || known?.state === "ready";
    const isSooner = known?.state === "requested" && job.StatusCode === "Succeeded";
    const isPaid = isSooner || this.#parts.catalog.requests.has(archive.number);
    return (isPaid ? this.#isWanted(archive) : this.#mayPay(archive)) && (!isLive || isSooner);
  }

  /** Whether an output may be fetched whose transfer is not paid for. Once the cap is reached, what is too dear would be ready at each look. */
  #mayPay(archive: CatalogArchive): boolean {
    return this.#isWanted(archive) && !this.#state.isCostCapReached;
  }

  #adopt(job: Job, archive: CatalogArchive, known: CatalogJob | null): void {
    const { catalog } = this.#parts;
    const isCounted = known?.state === "requested";
    if (!isCounted && !catalog.requests.has(archive.number)) {
      catalog.unpaid.add(archive.number);
    }
    catalog.jobs.requested(archive.number, job.JobId, tierNamed(job.Tier), new Date(this.#parts.now()));
    if (!isCounted) {
      this.#state.addAhead(archive);
    }
    this.#state.jobs.adopted += 1;
    this.#uncertain.started(archive.number);
    const adopted = catalog.jobs.of(archive.number);
    if (job.StatusCode === "Succeeded" && adopted !== null) {
      this.#ready(adopted, dateOf(job.CompletionDate), job);
    }
  }

  #isWanted(archive: CatalogArchive): boolean {
    return isWanted(this.#parts, this.#state, archive);
  }

  #hasNews(): void {
    this.#wasReady = true;
    this.#state.readyCount += 1;
  }

  #ready(job: CatalogJob, completedAt: Date, description: Job | null): void {
    this.#parts.catalog.jobs.ready(job.jobId, completedAt);
    this.#hasNews();
    if (description?.CompletionDate) {
      const seconds = (completedAt.getTime() - dateOf(description.CreationDate).getTime()) / 1000;
      const { schedule } = this.#state;
      this.#state.schedule = { ...schedule, latencySeconds: learnedLatency(schedule.latencySeconds, seconds) };
    }
  }

  /** Records that a job no longer exists, so that its archive needs another one. */
  #expired(job: CatalogJob): void {
    if (this.isLive(job)) {
      this.#parts.catalog.jobs.expired(job.jobId);
      this.#parted(job);
      this.#state.renew(job.number);
    }
  }

  /** Whether it is still the job of its archive, and its output is wanted: another loop may have seen it end. */
  isLive({ number, jobId }: CatalogJob): boolean {
    const known = this.#parts.catalog.jobs.of(number);
    return known?.jobId === jobId && (known.state === "requested" || known.state === "ready");
  }

  /** Records that the output of a job no longer exists. */
  expiredOutput(job: CatalogJob, archive: CatalogArchive): void {
    this.#state.jobs.expired += 1;
    this.#parts.onEvent({ kind: "job-expired", archiveId: archive.archiveId, jobId: job.jobId });
    this.#expired(job);
  }

  /** Records that a job has failed. Another one may succeed, unless the service's copy of the archive is damaged. */
  failed(job: CatalogJob, archive: CatalogArchive, reason: string): void {
    this.#parts.catalog.jobs.failed(job.jobId, reason);
    this.#parted(job);
    if (reason === damagedArchiveMessage(archive.archiveId) || job.requestCount >= failedJobsMax) {
      this.#recorder.giveUp(archive, `its job failed: ${reason}`, job.requestCount);
    } else {
      this.#state.renew(job.number);
    }
  }

  #parted({ number }: CatalogJob): void {
    const archive = this.#parts.catalog.archives.byNumber(number);
    if (archive !== null && this.#isWanted(archive)) {
      this.#state.removeAhead(archive);
    }
  }

  #countKnown({ number }: CatalogJob): void {
    const archive = this.#parts.catalog.archives.byNumber(number);
    if (archive !== null && this.#isWanted(archive)) {
      this.#state.addAhead(archive);
    }
  }

  async #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    clearTimeout(timer);
  }
}

/** Whether a job is for an entire archive. */
function isWhole({ Action, RetrievalByteRange, ArchiveSizeInBytes }: Job): boolean {
  const isRange = RetrievalByteRange !== null && RetrievalByteRange !== `0-${(ArchiveSizeInBytes ?? 0) - 1}`;
  return Action === "ArchiveRetrieval" && !isRange;
}

const tierNamed = (name: string | null): Tier => tiers.find((each) => each === name) ?? "Standard";

const dateOf = (text: string | null): Date => {
  const date = new Date(text ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? new Date(0) : date;
};
