import { setTimeout as sleep } from "node:timers/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import { DamagedDataError, GlacierConnectionError } from "../errors.ts";
import { isTransient, pauseMilliseconds } from "../retry.ts";
import { RetryBudget } from "../retry-budget.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { OutputFacts } from "./output-facts.ts";
import type { OutputSource } from "./output-source.ts";
import type { Progress } from "./progress.ts";
import { StallTimer } from "./stall-timer.ts";
import {
  asError,
  JobFailedError,
  JobNotReadyError,
  LocalFileError,
  RangeFailedError,
  VerificationError,
} from "./transfer-errors.ts";

/** A server that sends other bytes than it should is believed after this many attempts that it has no better ones. */
const wrongAnswersMax = 5;

export interface FetchContext {
  readonly source: OutputSource;
  readonly progress: Progress;
  readonly bandwidth: Bandwidth | undefined;
}

export interface FetchedRange {
  readonly treeHash: string;
  /** False when nothing but the whole's hash can tell whether it is right. */
  readonly proven: boolean;
}

/**
 * Fetches a range until what `receive` kept of it agrees with the checksum that the server sent with it.
 *
 * @param receive keeps the bytes, from the start again each time it is called, and gives the tree hash of what it kept.
 */
export async function fetchRange(
  { source, progress, bandwidth }: FetchContext,
  range: ByteRange,
  receive: (bytes: AsyncIterable<Uint8Array>) => Promise<string>,
  signal: AbortSignal,
): Promise<FetchedRange> {
  let farthest = 0;
  const retries = new RangeRetries(range, source.retryForMilliseconds, progress);
  for (;;) {
    const stall = new StallTimer(signal);
    let received = 0;
    const counted = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
      for await (const piece of bytes) {
        if (bandwidth !== undefined) {
          stall.pause();
          await bandwidth.take(piece.length, signal);
        }
        stall.start();
        const repeated = Math.min(piece.length, Math.max(0, farthest - received));
        received += piece.length;
        if (received > farthest) {
          retries.progressed();
        }
        progress.moved(piece.length, repeated);
        yield piece;
      }
    };
    try {
      const { checksum, bytes } = await source.open(range, stall.signal);
      stall.start();
      const treeHash = await receive(counted(bytes));
      return { treeHash, proven: judge(range, { treeHash, checksum }, source.facts, progress) };
    } catch (cause) {
      const error = stall.reasonFor(asError(cause));
      farthest = Math.max(farthest, received);
      await retries.prepareNext(error, signal);
    } finally {
      stall.stop();
    }
  }
}

/** Decides after each failure of a range whether it is fetched again: outages are outlasted, wrong bytes are few. */
class RangeRetries {
  readonly #range: ByteRange;
  readonly #retryForMilliseconds: number;
  readonly #progress: Progress;
  readonly #budget = new RetryBudget();
  #attempts = 0;
  #wrongAnswers = 0;
  /** In a row, which the pauses grow with. */
  #fruitless = 0;

  constructor(range: ByteRange, retryForMilliseconds: number, progress: Progress) {
    this.#range = range;
    this.#retryForMilliseconds = retryForMilliseconds;
    this.#progress = progress;
    this.#budget.restart();
  }

  /** More of the range has arrived than ever before. */
  progressed(): void {
    this.#budget.restart();
    this.#fruitless = 0;
  }

  /** Pauses before the next attempt, or throws. */
  async prepareNext(error: Error, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#attempts += 1;
    this.#fruitless += 1;
    const pause = this.#pauseAfter(error);
    const event = { range: this.#range, attempt: this.#attempts, error, final: pause === null };
    this.#progress.tell({ kind: "range-failed", ...event });
    if (pause !== null) {
      await sleep(pause, undefined, { signal });
      return;
    }
    const isTelling = error instanceof VerificationError || !isWorthAnother(error);
    throw isTelling ? error : new RangeFailedError(this.#range, this.#attempts, error);
  }

  #pauseAfter(error: Error): number | null {
    const isOutage = error instanceof GlacierConnectionError || isTransient(error, "GetJobOutput");
    this.#wrongAnswers += isOutage ? 0 : 1;
    if (!isWorthAnother(error) || this.#wrongAnswers >= wrongAnswersMax) {
      return null;
    }
    const wantedMilliseconds = pauseMilliseconds(this.#fruitless, false, Math.random());
    const limit = isOutage ? this.#retryForMilliseconds : Number.POSITIVE_INFINITY;
    return this.#budget.pauseBeforeNext({ wantedMilliseconds }, limit);
  }
}

/** The service's refusals stay the same however often one asks, and so do the disk's, and damage in its store; a job that is not ready takes hours. */
function isWorthAnother(error: Error): boolean {
  const { type, code } = error as { type?: unknown; code?: unknown };
  const isRefusal = type === "Client" && code !== "ThrottlingException" && code !== "RequestTimeoutException";
  const settled = [LocalFileError, JobFailedError, JobNotReadyError, DamagedDataError];
  const isSettled = settled.some((kind) => error instanceof kind);
  return !isRefusal && !isSettled;
}

/** Whether the range is proven right. Throws VerificationError when it is wrong. */
function judge(
  range: ByteRange,
  { treeHash, checksum }: { treeHash: string; checksum: string | null },
  facts: OutputFacts,
  progress: Progress,
): boolean {
  const isWhole = rangeLength(range) === facts.sizeBytes;
  const expected = checksum ?? (isWhole ? facts.treeHash : null);
  if (expected === null || expected === treeHash) {
    return expected !== null;
  }
  if (!isWhole && (expected === facts.archiveTreeHash || expected === facts.treeHash)) {
    const message = "The server sent the whole archive's tree hash with a range of it; the whole decides";
    progress.tell({ kind: "warning", code: "whole-hash-on-range", range, message });
    return false;
  }
  const advice =
    "It was fetched several times; what else was verified is kept. Try again later, or ask the server's operator.";
  throw new VerificationError({ range, expected, computed: treeHash }, advice);
}
