import type { Bandwidth, ListedItem } from "@moraine/client/node";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { messageOf } from "../../exit-codes.ts";
import { OutputExpiredError, TargetOccupiedError } from "../../targets/target.ts";
import { factsOf } from "../archive-facts.ts";
import type { Recorder } from "../recording/recorder.ts";
import { isOfOne, isOfTarget, probeFor } from "../recording/target-trouble.ts";
import type { JobWatch } from "../requests/job-watch.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import type { SpeedMeter } from "../schedule/speed-meter.ts";
import { isFatal, isOutage, isThrottling } from "../service-errors.ts";
import { outputOf } from "./output-of.ts";
import { isLarge, type ReadyArchive, ReadyQueue } from "./ready-queue.ts";
import { type Transfer, Transfers } from "./transfers.ts";

export interface FetchOptions {
  /** Small archives at once. */
  readonly concurrency: number;
  readonly bandwidth: Bandwidth | undefined;
}

/** Large archives at once, each by several connections. */
const largeMax = 2;
/** Small archives at once have at most these bytes, since pieces of them are in memory. */
const smallBytesMax = 24 * 1024 ** 2;
const pieceBytesMax = 8 * 1024 ** 2;
const attemptsMax = 3;
/** Pauses after the first and the second failed attempt. */
const attemptPauseMilliseconds = [2000, 15_000] as const;
const outagePauseMilliseconds = { first: 15_000, most: 600_000 } as const;
/** Outages of one archive, between which others were fetched: it is not the service that fails, but this one output. */
const ownOutagesMax = 8;
const notReadyPauseMilliseconds = 5000;
/** Jobs in a row of one archive whose output has expired without much of it. */
const fruitlessMax = 4;
/** An attempt that received these bytes has not been in vain: they are kept. */
const fruitfulBytesMin = 64 * 1024 ** 2;

/** Fetches outputs that are ready, and stores them at the target. */
export class Fetcher {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #recorder: Recorder;
  readonly #jobs: JobWatch;
  readonly #meter: SpeedMeter;
  readonly #options: FetchOptions;
  readonly #queue: ReadyQueue;
  readonly #transfers: Transfers;
  /** Copies in progress, none of which rejects. */
  readonly #running = new Map<Promise<void>, CatalogArchive>();
  readonly #attempts = new Map<number, number>();
  readonly #fruitless = new Map<number, number>();
  /** For archives whose output could not be fetched: how often, and what was stored in all at that time. */
  readonly #outages = new Map<number, { readonly count: number; readonly stored: number }>();
  #stored = 0;
  #smallBytes = 0;
  #largeCount = 0;
  /** Copies that were started while the target was doubted. */
  readonly #trials = { small: 0, large: 0 };
  #failure: Error | null = null;

  constructor(
    parts: RescueParts,
    state: RescueState,
    { recorder, jobs, meter }: { recorder: Recorder; jobs: JobWatch; meter: SpeedMeter },
    options: FetchOptions,
  ) {
    this.#parts = parts;
    this.#state = state;
    this.#recorder = recorder;
    this.#jobs = jobs;
    this.#meter = meter;
    this.#options = options;
    this.#queue = new ReadyQueue(parts, state);
    this.#transfers = new Transfers(parts, state);
  }

  /** Whether nothing is being fetched, or will be without news. */
  get isIdle(): boolean {
    return this.#queue.isEmpty;
  }

  /** Runs until the signal aborts. Throws an error after which nothing can be fetched or stored. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const since = this.#state.changed.count;
      await this.#queue.fill();
      this.#startAll(signal);
      this.#state.isTried = this.#trials.small > 0 || this.#queue.hasSmall;
      this.#state.isFetching = !this.#queue.isEmpty;
      if (this.#failure !== null) {
        throw this.#failure;
      }
      await this.#state.changed.wait(this.#waitMilliseconds(), since, signal);
    }
    await Promise.all(this.#running.keys());
  }

  #waitMilliseconds(): number | null {
    const { now } = this.#parts;
    const pausedUntil = this.#state.isTargetPaused ? this.#state.targetPausedUntil : 0;
    const dueAt = Math.max(this.#queue.nextDueAt ?? 0, pausedUntil);
    return dueAt === 0 ? null : Math.max(10, dueAt - now());
  }

  #startAll(signal: AbortSignal): void {
    if (this.#state.isTargetPaused) {
      return;
    }
    for (let next = this.#next(); next !== null; next = this.#next()) {
      this.#start(next, signal);
    }
    this.#meter.busy(this.#running.size > 0);
  }

  #next(): ReadyArchive | null {
    const smallCount = this.#running.size - this.#largeCount;
    const hasRoom = smallCount < this.#options.concurrency && this.#smallBytes < smallBytesMax;
    const large = () => (this.#largeCount < largeMax ? this.#queue.take("large") : null);
    const small = () => (hasRoom ? this.#queue.take("small") : null);
    if (!this.#state.isTargetDoubted) {
      return large() ?? small();
    }
    // One copy shows whether a target works again. All of them would be transferred in vain, and paid for. A large one may take days to show it.
    const trials = this.#trials;
    return (trials.small === 0 ? small() : null) ?? (trials.small + trials.large === 0 ? large() : null);
  }

  #start(ready: ReadyArchive, signal: AbortSignal): void {
    const { archive } = ready;
    const large = isLarge(archive) ? 1 : 0;
    const kind = large === 1 ? "large" : "small";
    const trial = this.#state.isTargetDoubted ? 1 : 0;
    const smallBytes = large === 1 ? 0 : Math.min(archive.sizeBytes, pieceBytesMax);
    this.#largeCount += large;
    this.#smallBytes += smallBytes;
    this.#trials[kind] += trial;
    const copy = this.#copy(ready, signal)
      .catch((error: unknown) => this.#failed(ready, error, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) {
          this.#failure ??= error as Error;
        }
      })
      .finally(() => {
        this.#running.delete(copy);
        this.#largeCount -= large;
        this.#smallBytes -= smallBytes;
        this.#trials[kind] -= trial;
        this.#state.changed.wake();
      });
    this.#running.set(copy, archive);
  }

  async #copy(ready: ReadyArchive, signal: AbortSignal): Promise<void> {
    const { archive, job } = ready;
    // It may have waited here until its output expired, and another job have been paid for.
    if (!this.#jobs.isLive(job)) {
      this.#queue.release(ready);
      return;
    }
    const transfer = this.#transfers.begin(ready);
    if (transfer === null) {
      this.#tooDear(ready);
      return;
    }
    try {
      await this.#store(ready, transfer, AbortSignal.any([signal, transfer.signal]));
    } catch (error) {
      transfer.failed(this.#jobs.isLive(job));
      if (transfer.isTooDear && !signal.aborted) {
        this.#tooDear(ready);
        return;
      }
      throw error;
    }
    transfer.succeeded();
    this.#state.targetWorks();
    this.#stored += 1;
    this.#forget(archive);
    this.#queue.done(ready);
    this.#state.removeAhead(archive);
  }

  async #store(ready: ReadyArchive, transfer: Transfer, signal: AbortSignal): Promise<void> {
    const { archive, job } = ready;
    const { target } = this.#parts;
    const facts = factsOf(this.#parts, archive);
    const onBytes = (count: number) => {
      this.#state.receivedBytes += count;
      this.#meter.received({ archives: 0, bytes: count });
      transfer.received(count);
      if (transfer.receivedBytes >= fruitfulBytesMin) {
        this.#forgetInterruptions(archive);
      }
    };
    if (this.#state.isTargetDoubted) {
      await probeFor(target, facts, signal);
    }
    const { bandwidth } = this.#options;
    const copy = await target.store(facts, outputOf(this.#parts, ready), { signal, onBytes, bandwidth });
    this.#meter.received({ archives: 1, bytes: 0 });
    await this.#recorder.verified(archive, copy, job.jobId);
  }

  /** Leaves an output to a run that may pay for it, unless charges may be taken back that others wait for. */
  #tooDear(ready: ReadyArchive): void {
    const { isCostCapReached, refundable, requesting, uncertain } = this.#state;
    if (!isCostCapReached && (refundable > 0 || requesting.size > 0 || uncertain.size > 0)) {
      this.#queue.postpone(ready, tooDearPauseMilliseconds);
      return;
    }
    const { jobs, unpaid } = this.#parts.catalog;
    if (unpaid.has(ready.archive.number)) {
      jobs.fetched(ready.job.jobId);
    } else {
      // The next run continues a large copy that was paid for with its job.
      this.#state.givenUp.add(ready.archive.number);
    }
    this.#state.isCostCapReached = true;
    this.#state.wait("cost-cap", "another transfer would cost more than --max-cost allows");
    this.#queue.done(ready);
    this.#state.removeAhead(ready.archive);
  }

  /** Decides what follows a copy that has failed. Throws an error that ends the run. */
  async #failed(ready: ReadyArchive, error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { archive } = ready;
    if (error instanceof OutputExpiredError) {
      this.#expired(ready);
    } else if (error instanceof TargetOccupiedError) {
      this.#parts.copies.replan(archive.number);
      this.#queue.release(ready);
    } else if (isOfTarget(error)) {
      await this.#targetFailed(ready, error, signal);
    } else if (isFatal(error)) {
      throw error;
    } else if (isOutage(error)) {
      this.#outage(ready, error);
    } else {
      await this.#judge(ready, error, signal);
    }
  }

  async #targetFailed(ready: ReadyArchive, error: Parameters<typeof isOfOne>[2], signal: AbortSignal): Promise<void> {
    if (await isOfOne(this.#parts.target, factsOf(this.#parts, ready.archive), error, signal)) {
      this.#state.targetWorks();
      await this.#countAttempt(ready, error, signal);
    } else {
      this.#queue.postpone(ready, 0);
      this.#state.pauseTarget(error);
    }
  }

  /** Waits for the end of an outage. One that only this archive has is a failure of its output. */
  #outage(ready: ReadyArchive, error: unknown): void {
    const { number } = ready.archive;
    const earlier = this.#outages.get(number) ?? { count: 0, stored: this.#stored };
    const isOwn = this.#stored > earlier.stored && !isThrottling(error);
    const count = earlier.count + (isOwn ? 1 : 0);
    if (count >= ownOutagesMax) {
      // The bytes that were received are kept for the next run.
      this.#recordGiveUp(ready, messageOf(error), count);
      return;
    }
    this.#outages.set(number, { count, stored: this.#stored });
    const { first, most } = outagePauseMilliseconds;
    this.#queue.postpone(ready, Math.min(most, first * 2 ** count));
    this.#report(ready.archive, error, false);
  }

  /** Asks for the job before a failure counts: the service may have failed it, and knows the archive's true size. */
  async #judge(ready: ReadyArchive, error: unknown, signal: AbortSignal): Promise<void> {
    const { archive, job } = ready;
    const description = await this.#jobs.describe(job, signal).catch((failure: unknown) => {
      if (isFatal(failure) || !isOutage(failure)) {
        throw failure;
      }
      return "unknown" as const;
    });
    if (description === "unknown") {
      this.#outage(ready, error);
    } else if (description === null || description.StatusCode === "Failed") {
      this.#queue.release(ready);
    } else if (description.StatusCode === "InProgress") {
      this.#queue.postpone(ready, notReadyPauseMilliseconds);
    } else if (isOther(archive, description)) {
      const { ArchiveSizeInBytes: sizeBytes, ArchiveSHA256TreeHash: treeHash } = description;
      const reason = `the inventory says ${archive.sizeBytes} bytes and tree hash ${archive.treeHash}, the service ${sizeBytes} and ${treeHash}: import a newer inventory`;
      await this.#abandon(ready, signal);
      this.#recordGiveUp(ready, reason, attemptsMax);
    } else {
      await this.#countAttempt(ready, error, signal);
    }
  }

  #expired(ready: ReadyArchive): void {
    const { archive, job } = ready;
    this.#queue.release(ready);
    // The list of jobs may have shown it first.
    if (!this.#jobs.isLive(job)) {
      return;
    }
    const count = (this.#fruitless.get(archive.number) ?? 0) + 1;
    this.#fruitless.set(archive.number, count);
    if (count > fruitlessMax) {
      this.#parts.catalog.jobs.expired(job.jobId);
      this.#recorder.giveUp(archive, `the outputs of ${count} jobs have expired before it was complete`, count);
      this.#state.removeAhead(archive);
    } else {
      this.#jobs.expiredOutput(job, archive);
    }
  }

  async #countAttempt(ready: ReadyArchive, error: unknown, signal: AbortSignal): Promise<void> {
    const { archive } = ready;
    const attempts = (this.#attempts.get(archive.number) ?? 0) + 1;
    this.#attempts.set(archive.number, attempts);
    const pause = attemptPauseMilliseconds[attempts - 1];
    if (attempts < attemptsMax && pause !== undefined) {
      this.#report(archive, error, false);
      this.#queue.postpone(ready, pause);
      return;
    }
    const failedAtTarget = isOfTarget(error);
    // The bytes that the target has kept are right, though one of its files could not be used; unless that was the last reason to give it up as well.
    if (!failedAtTarget || this.#parts.copies.get(archive.number)?.failedAtTarget === true) {
      await this.#abandon(ready, signal);
    }
    this.#recordGiveUp(ready, messageOf(error), attempts, { failedAtTarget });
  }

  async #abandon({ archive }: ReadyArchive, signal: AbortSignal): Promise<void> {
    await this.#parts.target.abandon?.(factsOf(this.#parts, archive), signal).catch(() => undefined);
  }

  #recordGiveUp(ready: ReadyArchive, reason: string, attempts: number, facts = { failedAtTarget: false }): void {
    const { archive } = ready;
    this.#forget(archive);
    this.#recorder.giveUp(archive, reason, attempts, facts);
    this.#queue.release(ready);
    this.#state.removeAhead(archive);
  }

  #forget(archive: CatalogArchive): void {
    this.#attempts.delete(archive.number);
    this.#forgetInterruptions(archive);
  }

  /** Attempts that received wrong bytes still count: they may do so each time. */
  #forgetInterruptions({ number }: CatalogArchive): void {
    this.#outages.delete(number);
    this.#fruitless.delete(number);
  }

  #report(archive: CatalogArchive, error: unknown, final: boolean): void {
    const { archiveId, path } = archive;
    this.#parts.onEvent({ kind: "archive-failed", archiveId, path, reason: messageOf(error), final });
  }
}

/** A transfer that would exceed the cap is looked at again after this time, while others may be taken back. */
const tooDearPauseMilliseconds = 15_000;

/** Whether the service describes another archive than the inventory. */
function isOther({ sizeBytes, treeHash }: CatalogArchive, description: ListedItem<"listJobs">): boolean {
  const { ArchiveSizeInBytes, ArchiveSHA256TreeHash } = description;
  const isSameHash = ArchiveSHA256TreeHash === null || ArchiveSHA256TreeHash.toLowerCase() === treeHash;
  return ArchiveSizeInBytes !== sizeBytes || !isSameHash;
}
