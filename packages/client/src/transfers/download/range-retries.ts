import { setTimeout as sleep } from "node:timers/promises";
import type { ByteRange } from "@moraine/protocol";
import { DamagedDataError, GlacierConnectionError } from "../../errors.ts";
import { isTransient, pauseMilliseconds } from "../../http/retry.ts";
import { RetryBudget } from "../../http/retry-budget.ts";
import type { Progress } from "../progress.ts";
import {
  JobFailedError,
  JobNotReadyError,
  LocalFileError,
  RangeFailedError,
  VerificationError,
} from "../transfer-errors.ts";

/** A server that sends other bytes than it should is believed after this many attempts that it has no better ones. */
const wrongAnswersMax = 5;

/** Decides after each failure of a range whether it is fetched again: outages are outlasted, wrong bytes are few. */
export class RangeRetries {
  readonly #retryForMilliseconds: number;
  readonly #progress: Progress;
  readonly #budget = new RetryBudget();
  #attempts = 0;
  #wrongAnswers = 0;
  /** In a row, which the pauses grow with. */
  #fruitless = 0;

  constructor(retryForMilliseconds: number, progress: Progress) {
    this.#retryForMilliseconds = retryForMilliseconds;
    this.#progress = progress;
    this.#budget.restart();
  }

  /** More of the range has arrived than ever before. */
  progressed(): void {
    this.#budget.restart();
    this.#fruitless = 0;
  }

  /** A piece of the range is right. */
  verified(): void {
    this.#wrongAnswers = 0;
  }

  /** Pauses before the next attempt, or throws. */
  async prepareNext(range: ByteRange, error: Error, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#attempts += 1;
    this.#fruitless += 1;
    const pause = this.#pauseAfter(error);
    const event = { range, attempt: this.#attempts, error, final: pause === null };
    this.#progress.tell({ kind: "range-failed", ...event });
    if (pause !== null) {
      await sleep(pause, undefined, { signal });
      return;
    }
    const isTelling = error instanceof VerificationError || !isWorthAnother(error);
    throw isTelling ? error : new RangeFailedError(range, this.#attempts, error);
  }

  #pauseAfter(error: Error): number | null {
    this.#wrongAnswers += isOutage(error) ? 0 : 1;
    if (!isWorthAnother(error) || this.#wrongAnswers >= wrongAnswersMax) {
      return null;
    }
    const wantedMilliseconds = pauseMilliseconds(this.#fruitless, false, Math.random());
    const limit = isOutage(error) ? this.#retryForMilliseconds : Number.POSITIVE_INFINITY;
    return this.#budget.pauseBeforeNext({ wantedMilliseconds }, limit);
  }
}

/** Whether a request may do better later, and what it brought before is as right as any. */
export function isOutage(error: Error): boolean {
  return error instanceof GlacierConnectionError || isTransient(error, "GetJobOutput");
}

/** The service's refusals stay the same however often one asks, and so do the disk's, and damage in its store; a job that is not ready takes hours. */
function isWorthAnother(error: Error): boolean {
  const { type, code } = error as { type?: unknown; code?: unknown };
  const isRefusal = type === "Client" && code !== "ThrottlingException" && code !== "RequestTimeoutException";
  const settled = [LocalFileError, JobFailedError, JobNotReadyError, DamagedDataError];
  const isSettled = settled.some((kind) => error instanceof kind);
  return !isRefusal && !isSettled;
}
