import { setTimeout as sleep } from "node:timers/promises";
import type { ByteRange } from "@moraine/protocol";
import { DamagedDataError, GlacierConnectionError } from "../../../errors.ts";
import { isTransient, pauseMilliseconds } from "../../../http/retry.ts";
import { RetryBudget } from "../../../http/retry-budget.ts";
import type { Progress } from "../../progress.ts";
import {
  JobFailedError,
  JobNotReadyError,
  LocalFileError,
  RangeFailedError,
  VerificationError,
} from "../../transfer-errors.ts";

/** After this many wrong responses for one piece, the server is assumed to have no right one. */
const wrongResponsesMax = 5;

/** Decides after each failure of a range whether it is fetched again. Outages are retried for a time, wrong bytes a few times. */
export class RangeRetries {
  readonly #retryForMilliseconds: number;
  readonly #progress: Progress;
  readonly #budget = new RetryBudget();
  #attempts = 0;
  #wrongResponses = 0;
  /** The number of consecutive failures without progress; pauses grow with it. */
  #fruitless = 0;

  constructor(retryForMilliseconds: number, progress: Progress) {
    this.#retryForMilliseconds = retryForMilliseconds;
    this.#progress = progress;
    this.#budget.restart();
  }

  /** Records that bytes of the range were received for the first time. */
  progressed(): void {
    this.#budget.restart();
    this.#fruitless = 0;
  }

  /** Records that a piece of the range is verified. */
  verified(): void {
    this.#wrongResponses = 0;
  }

  /** Waits before the next attempt. Throws if there is to be none. */
  async prepareNext(range: ByteRange, error: Error, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#attempts += 1;
    this.#fruitless += 1;
    const pause = this.#pauseAfter(error);
    const event = { range, attempt: this.#attempts, error, final: pause === null };
    this.#progress.emit({ kind: "range-failed", ...event });
    if (pause !== null) {
      await sleep(pause, undefined, { signal });
      return;
    }
    const isTelling = error instanceof VerificationError || !isWorthAnother(error);
    throw isTelling ? error : new RangeFailedError(range, this.#attempts, error);
  }

  #pauseAfter(error: Error): number | null {
    this.#wrongResponses += isOutage(error) ? 0 : 1;
    if (!isWorthAnother(error) || this.#wrongResponses >= wrongResponsesMax) {
      return null;
    }
    const wantedMilliseconds = pauseMilliseconds(this.#fruitless, false, Math.random());
    const limit = isOutage(error) ? this.#retryForMilliseconds : Number.POSITIVE_INFINITY;
    return this.#budget.pauseBeforeNext({ wantedMilliseconds }, limit);
  }
}

/** Whether a request may succeed later, and the bytes that it brought are as credible as any. */
export function isOutage(error: Error): boolean {
  return error instanceof GlacierConnectionError || isTransient(error, "GetJobOutput");
}

/**
 * Whether another attempt may succeed soon. It cannot after a refusal by the service or the disk, or for damage in the service's store, and
 * not for a job that is not ready.
 */
function isWorthAnother(error: Error): boolean {
  const { type, code } = error as { type?: unknown; code?: unknown };
  const isRefusal = type === "Client" && code !== "ThrottlingException" && code !== "RequestTimeoutException";
  const settled = [LocalFileError, JobFailedError, JobNotReadyError, DamagedDataError];
  const isSettled = settled.some((kind) => error instanceof kind);
  return !isRefusal && !isSettled;
}
