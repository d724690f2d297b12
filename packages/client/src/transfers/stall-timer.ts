import { GlacierConnectionError } from "../errors.ts";
import { asError } from "./transfer-errors.ts";

/** A connection on which nothing comes for so long is given up. */
const stallMilliseconds = 60_000;
const request = { operation: "GetJobOutput", attempts: 1 };

/** Aborts a request on which nothing comes any more. It runs while something is due, and not while bytes wait for others. */
export class StallTimer {
  readonly signal: AbortSignal;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#stop.signal]);
  }

  /** From now on; called again with each piece that came. */
  start(): void {
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(
      () => this.#stop.abort(new GlacierConnectionError(`Nothing came for ${stallMilliseconds} ms`, request)),
      stallMilliseconds,
    );
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Whatever the abort made of it on its way, its reason is what happened. */
  reasonFor(error: Error): Error {
    return this.#stop.signal.aborted ? asError(this.#stop.signal.reason) : error;
  }

  /** Also ends a request whose answer was not read to its end. */
  stop(): void {
    this.pause();
    this.#stop.abort(new Error("The range is done with"));
  }
}
