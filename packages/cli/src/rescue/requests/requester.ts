import type { OperationOutput } from "@moraine/client";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { messageOf } from "../../exit-codes.ts";
import { TargetOccupiedError } from "../../targets/target.ts";
import { factsOf } from "../archive-facts.ts";
import { charge, refund } from "../costs/charges.ts";
import type { Recorder } from "../recording/recorder.ts";
import { isOfOne, isOfTarget, probeFor } from "../recording/target-trouble.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { accepted, type Decision, decide, horizonOf, type Refusal, refused, type Tier } from "../schedule/schedule.ts";
import { isFatal, isNotFound, isUnknownOutcome, refusalOf } from "../service-errors.ts";
import type { Candidates } from "./candidates.ts";

/** Asked again after this time, since the limit of the bandwidth depends on the time of day. */
const askAgainMilliseconds = 60_000;

/** Requests without a response, before no other is sent: a list of jobs has to decide about them first. */
const uncertainMax = 32;

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
    const archive = await this.#candidates.peek();
    // A copy may have reached it meanwhile.
    if (state.isCostCapReached) {
      return null;
    }
    state.areAllRequested = archive === null && this.#candidates.areTaken && this.#running.size === 0;
    if (archive === null) {
      return null;
    }
    if (state.isTargetDoubted && this.#parts.now() >= state.probedUntil) {
      return this.#waitForTarget(archive, signal);
    }
    if (state.uncertain.size >= uncertainMax) {
      return askAgainMilliseconds;
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
  async #waitForTarget(archive: CatalogArchive, signal: AbortSignal): Promise<number> {
    const { now, target } = this.#parts;
    if (this.#state.isTargetPaused) {
      return Math.max(10, this.#state.targetPausedUntil - now());
    }
    if (this.#state.isTried) {
      return askAgainMilliseconds;
    }
    try {
      await probeFor(target, factsOf(this.#parts, archive), signal);
      if (this.#state.isFetching) {
        // Only a copy shows that it takes outputs, too, and a large one may take days to show it.
        this.#state.probedUntil = now() + askAgainMilliseconds;
      } else {
        this.#state.targetWorks();
      }
    } catch (error) {
      signal.throwIfAborted();
      this.#state.pauseTarget(error as Error);
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
    // A request that is refused is given its cost back, and so is a transfer that nothing was received of.
    if (this.#running.size > 0 || this.#state.uncertain.size > 0 || this.#state.refundable > 0) {
      return askAgainMilliseconds;
    }
    this.#state.isCostCapReached = true;
    this.#state.wait("cost-cap", "another job would cost more than --max-cost allows");
    this.#state.changed.wake();
    return null;
  }

  #start(archive: CatalogArchive, tier: Tier, signal: AbortSignal): void {
    charge(this.#parts, this.#state, archive, tier);
    this.#setRequesting(1);
    this.#state.requesting.add(archive.number);
    this.#state.quietLooks = 0;
    const request = this.#request(archive, tier, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) {
          this.#failure ??= error as Error;
        }
        return false;
      })
      .then((isAgain) => {
        this.#running.delete(request);
        this.#setRequesting(-1);
        this.#state.requesting.delete(archive.number);
        // Before this it would not be taken, as one that is being requested.
        if (isAgain) {
          this.#state.renewals.unshift(archive.number);
        }
        this.#state.changed.wake();
      });
    this.#running.add(request);
  }

  /** Resolves to whether the archive is to be requested again, later. */
  async #request(archive: CatalogArchive, tier: Tier, signal: AbortSignal): Promise<boolean> {
    try {
      if (await this.#isStored(archive, signal)) {
        this.#refund(archive, tier);
        return false;
      }
    } catch (error) {
      this.#refund(archive, tier);
      return this.#targetFailed(archive, error, signal);
    }
    return this.#initiate(archive, tier, signal);
  }

  async #initiate(archive: CatalogArchive, tier: Tier, signal: AbortSignal): Promise<boolean> {
    const { client, vaultName, catalog, now } = this.#parts;
    const jobParameters = { Type: "archive-retrieval", ArchiveId: archive.archiveId, Tier: tier } as const;
    catalog.requests.add(archive.number, { tier, sentAt: now() });
    let started: OperationOutput<"InitiateJob">;
    try {
      started = await client.initiateJob({ vaultName, jobParameters }, { signal });
    } catch (error) {
      return this.#failed(archive, tier, error, signal);
    }
    // A job that cannot be recorded stays paid for, and the next run finds it.
    catalog.change(() => {
      catalog.jobs.requested(archive.number, started.jobId, tier, new Date(now()));
      catalog.requests.delete(archive.number);
    });
    this.#refusals = 0;
    this.#state.jobs.started += 1;
    this.#state.schedule = accepted(this.#state.schedule);
    return false;
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
  async #targetFailed(archive: CatalogArchive, error: unknown, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (isFatal(error)) {
      throw error;
    }
    if (isOfTarget(error) && !(await isOfOne(this.#parts.target, factsOf(this.#parts, archive), error, signal))) {
      this.#state.pauseTarget(error);
      return true;
    }
    this.#recorder.giveUp(archive, messageOf(error), 0);
    return false;
  }

  #failed(archive: CatalogArchive, tier: Tier, error: unknown, signal: AbortSignal): boolean {
    const state = this.#state;
    if (isUnknownOutcome(error) || signal.aborted) {
      // The job may exist. It stays paid for until a list of jobs shows that it does not.
      state.uncertain.set(archive.number, { tier, since: this.#parts.now() });
      state.removeAhead(archive);
      this.#pause("unavailable");
      return false;
    }
    this.#refund(archive, tier);
    if (isFatal(error)) {
      throw error;
    }
    const refusal = refusalOf(error);
    if (refusal !== null) {
      this.#pause(refusal);
      return true;
    }
    const reason = isNotFound(error) ? `the vault no longer has it: ${messageOf(error)}` : messageOf(error);
    this.#recorder.giveUp(archive, reason, 0);
    return false;
  }

  /** Requests nothing for a while, and for longer with each refusal in a row. */
  #pause(refusal: Refusal): void {
    this.#refusals += 1;
    const facts = { refusals: this.#refusals, now: this.#parts.now() };
    this.#state.schedule = refused(this.#state.schedule, this.#parts.limits, refusal, facts);
  }

  #refund(archive: CatalogArchive, tier: Tier): void {
    refund(this.#parts, this.#state, archive, tier);
    this.#state.removeAhead(archive);
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
