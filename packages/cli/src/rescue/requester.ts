import type { CatalogArchive } from "../catalog/archive-row.ts";
import { messageOf } from "../exit-codes.ts";
import { TargetOccupiedError } from "../targets/target.ts";
import { factsOf } from "./archive-facts.ts";
import type { Candidates } from "./candidates.ts";
import { counted, emptyHour, hourToText } from "./hourly-window.ts";
import type { Recorder } from "./recorder.ts";
import type { RescueParts, RescueState } from "./rescue-state.ts";
import { accepted, type Decision, decide, horizonOf, refused, requested, type Tier } from "./schedule.ts";
import { isFatal, isNotFound, isUnknownOutcome, refusalOf } from "./service-errors.ts";
import { isOfOne, isOfTarget } from "./target-trouble.ts";

/** Asked again after this time, since the limit of the bandwidth depends on the time of day. */
const askAgainMilliseconds = 60_000;

/** Requests jobs as the scheduler decides. */
export class Requester {
  readonly #parts: RescueParts;
  readonly #state: RescueState;
  readonly #candidates: Candidates;
  readonly #recorder: Recorder;
  /** Requests in progress; none of them rejects. */
  readonly #running = new Set<Promise<void>>();
  /** Whether nothing is requested, and nothing will be without news. */
  isIdle = false;
  #refusals = 0;
  #failure: Error | null = null;

  constructor(parts: RescueParts, state: RescueState, candidates: Candidates, recorder: Recorder) {
    this.#parts = parts;
    this.#state = state;
    this.#candidates = candidates;
    this.#recorder = recorder;
  }

  /** Runs until the signal aborts. Throws an error after which no request can succeed. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const since = this.#state.changed.count;
      const waitMilliseconds = await this.#step(signal);
      this.isIdle = waitMilliseconds !== 0 && this.#running.size === 0;
      if (this.#failure !== null) {
        throw this.#failure;
      }
      if (waitMilliseconds !== 0) {
        await this.#state.changed.wait(waitMilliseconds, since, signal);
      }
    }
    await Promise.all(this.#running);
  }

  /** Starts a request, if one may be sent. Returns how long to wait for the next; null until something changes. */
  async #step(signal: AbortSignal): Promise<number | null> {
    const state = this.#state;
    // Jobs of earlier runs must be known first, or archives would get a second one.
    if (!state.isListed || state.isCostCapReached) {
      return null;
    }
    if (state.isTargetDoubted) {
      return this.#waitForTarget(signal);
    }
    const archive = await this.#candidates.peek();
    state.areAllRequested = archive === null && this.#candidates.areTaken && this.#running.size === 0;
    if (archive === null) {
      return null;
    }
    const { limits, money, now, bytesPerSecondMax } = this.#parts;
    const horizonSeconds = horizonOf(state.schedule, limits);
    state.schedule = { ...state.schedule, bytesPerSecondMax: bytesPerSecondMax(horizonSeconds) };
    const usd = money.usdOfEach({ archives: 1, bytes: archive.sizeBytes });
    const decision = decide(state.schedule, limits, { bytes: archive.sizeBytes, usd }, now());
    if (decision.kind === "request") {
      state.proceed();
      this.#candidates.take(archive);
      this.#start(archive, decision.tier, signal);
      return 0;
    }
    return this.#postpone(archive, decision);
  }

  /** Waits until the target works again, since outputs that it cannot take expire, and are paid for again. Returns how long to wait. */
  async #waitForTarget(signal: AbortSignal): Promise<number | null> {
    const { now, target } = this.#parts;
    if (this.#state.isTargetPaused) {
      return Math.max(10, this.#state.targetPausedUntil - now());
    }
    // The next output shows whether it works.
    if (this.#state.isFetching) {
      return askAgainMilliseconds;
    }
    const archive = await this.#candidates.peek();
    if (archive === null) {
      return null;
    }
    try {
      await target.probe(archive.sizeBytes, signal);
      this.#state.targetWorks();
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfTarget(error)) {
        throw error;
      }
      this.#state.pauseTarget(error);
    }
    return 0;
  }

  /** Returns how long to wait, as the scheduler has decided. */
  #postpone(archive: CatalogArchive, decision: Exclude<Decision, { kind: "request" }>): number | null {
    if (decision.kind === "wait") {
      if (decision.reason !== "requesting") {
        this.#state.wait(decision.reason, waitMessages[decision.reason]);
      }
      return decision.until === null ? askAgainMilliseconds : Math.max(10, decision.until - this.#parts.now());
    }
    if (decision.kind === "too-large") {
      this.#candidates.take(archive);
      const reason = `it has ${archive.sizeBytes} bytes, more than --max-retrieval-per-hour allows`;
      this.#recorder.giveUp(archive, reason, 0);
      return 0;
    }
    // A request that is refused is given its cost back.
    if (this.#running.size > 0 || this.#state.uncertain.size > 0) {
      return askAgainMilliseconds;
    }
    this.#state.isCostCapReached = true;
    this.#state.wait("cost-cap", "another job would cost more than --max-cost allows");
    this.#state.changed.wake();
    return null;
  }

  #start(archive: CatalogArchive, tier: Tier, signal: AbortSignal): void {
    this.#charge(archive, tier);
    this.#setRequesting(1);
    this.#state.requesting.add(archive.number);
    this.#state.quietLooks = 0;
    const request = this.#request(archive, tier, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) {
          this.#failure ??= error as Error;
        }
      })
      .finally(() => {
        this.#running.delete(request);
        this.#setRequesting(-1);
        this.#state.requesting.delete(archive.number);
        this.#state.changed.wake();
      });
    this.#running.add(request);
  }

  async #request(archive: CatalogArchive, tier: Tier, signal: AbortSignal): Promise<void> {
    try {
      if (await this.#isStored(archive, signal)) {
        this.#refund(archive, tier);
        return;
      }
    } catch (error) {
      this.#refund(archive, tier);
      await this.#targetFailed(archive, error, signal);
      return;
    }
    await this.#initiate(archive, tier, signal);
  }

  async #initiate(archive: CatalogArchive, tier: Tier, signal: AbortSignal): Promise<void> {
    const { client, vaultName, catalog, now } = this.#parts;
    const jobParameters = { Type: "archive-retrieval", ArchiveId: archive.archiveId, Tier: tier } as const;
    try {
      const { jobId } = await client.initiateJob({ vaultName, jobParameters }, { signal });
      catalog.jobs.requested(archive.number, jobId, tier, new Date(now()));
      this.#refusals = 0;
      this.#state.jobs.started += 1;
      this.#state.schedule = accepted(this.#state.schedule);
    } catch (error) {
      this.#failed(archive, tier, error, signal);
    }
  }

  /** Whether the target has the archive already, so that no job is needed. */
  async #isStored(archive: CatalogArchive, signal: AbortSignal): Promise<boolean> {
    const { target, copies } = this.#parts;
    for (;;) {
      try {
        const copy = await target.find(factsOf(this.#parts, archive), signal);
        if (copy !== null) {
          await this.#recorder.verified(archive, copy);
        }
        return copy !== null;
      } catch (error) {
        if (!(error instanceof TargetOccupiedError)) {
          throw error;
        }
        copies.replan(archive.number);
      }
    }
  }

  /** Decides what follows when the target could not be asked, or cannot have the archive. */
  async #targetFailed(archive: CatalogArchive, error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (isFatal(error)) {
      throw error;
    }
    if (isOfTarget(error) && !(await isOfOne(this.#parts.target, archive, error, signal))) {
      this.#state.pauseTarget(error);
      this.#state.renewals.unshift(archive.number);
      return;
    }
    this.#recorder.giveUp(archive, messageOf(error), 0);
  }

  #failed(archive: CatalogArchive, tier: Tier, error: unknown, signal: AbortSignal): void {
    const state = this.#state;
    if (isUnknownOutcome(error) || signal.aborted) {
      // The job may exist. It stays paid for until a list of jobs shows that it does not.
      state.uncertain.set(archive.number, this.#parts.now());
      state.removeAhead(archive.sizeBytes);
      return;
    }
    this.#refund(archive, tier);
    if (isFatal(error)) {
      throw error;
    }
    const refusal = refusalOf(error);
    if (refusal !== null) {
      this.#refusals += 1;
      const facts = { refusals: this.#refusals, now: this.#parts.now() };
      state.schedule = refused(state.schedule, this.#parts.limits, refusal, facts);
      state.renewals.unshift(archive.number);
      return;
    }
    const reason = isNotFound(error) ? "the vault no longer has it" : messageOf(error);
    this.#recorder.giveUp(archive, reason, 0);
  }

  /** Counts a job as paid for, durably and before its request: a kill must not let a cap be passed. */
  #charge({ sizeBytes: bytes }: CatalogArchive, tier: Tier): void {
    const { money, catalog, limits, now } = this.#parts;
    const { schedule } = this.#state;
    const work = { archives: 1, bytes };
    const hour = limits.retrievalBytesPerHour === null ? emptyHour : counted(schedule.hour, bytes, now());
    this.#state.schedule = requested(schedule, { bytes, usd: money.usdOf(tier, work) }, hour);
    catalog.change(() => {
      money.count(tier, work);
      if (limits.retrievalBytesPerHour !== null) {
        catalog.facts.set("rescue-hour", hourToText(hour));
      }
    });
  }

  #refund({ sizeBytes: bytes }: CatalogArchive, tier: Tier): void {
    const { money, catalog } = this.#parts;
    const work = { archives: 1, bytes };
    catalog.change(() => money.count(tier, { archives: -1, bytes: -bytes }));
    const spentUsd = this.#state.schedule.spentUsd - money.usdOf(tier, work);
    this.#state.schedule = { ...this.#state.schedule, spentUsd };
    this.#state.removeAhead(bytes);
  }

  #setRequesting(change: 1 | -1): void {
    const { schedule } = this.#state;
    this.#state.schedule = { ...schedule, requesting: schedule.requesting + change };
  }
}

const waitMessages = {
  ahead: "enough is requested for the next hours",
  hour: "--max-retrieval-per-hour is reached; more is requested as the hour passes",
  policy:
    "the account's retrieval policy refuses jobs for now (moraine retrieval-policy get); trying again every few minutes",
  capacity:
    "the service has no capacity in this tier for now; trying again every few minutes (--fallback-tier uses another one)",
  throttled: "the service throttles requests for jobs; slowing down",
  "jobs-in-progress": "the service takes no more jobs until some have completed",
  unavailable: "the service is unavailable; trying again",
} as const;
