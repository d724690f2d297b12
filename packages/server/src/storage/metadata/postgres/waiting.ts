import type { Outcome, Request } from "../run-method.ts";

/** Somebody who waits for the outcome of a request. What is said after the first answer is ignored. */
export interface Caller {
  readonly request: Request;
  /** By `performance.now()`, which counts while the process is stopped. */
  readonly calledAt: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Calls in the order in which they came, until they are taken. */
export class Waiting {
  #callers: Caller[] = [];
  #refusal: Error | null = null;
  /** Those who wait for a call. Each call wakes one. */
  readonly #sleepers: Array<() => void> = [];

  get count(): number {
    return this.#callers.length;
  }

  add(request: Request): Promise<unknown> {
    if (this.#refusal !== null) {
      return Promise.reject(this.#refusal);
    }
    return new Promise((resolve, reject) => {
      this.#callers.push({ request, calledAt: performance.now(), resolve, reject });
      this.#sleepers.shift()?.();
    });
  }

  /** Rejects all later calls. */
  refuse(error: Error): void {
    this.#refusal ??= error;
  }

  /** Resolves when a call waits, and after the given time at the latest. */
  async arrival(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#callers.length > 0 || signal.aborted) {
      return;
    }
    await new Promise<void>((resolve) => {
      // All calls of this turn of the event loop are taken together.
      const wake = () => setImmediate(done);
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        const place = this.#sleepers.indexOf(wake);
        if (place >= 0) {
          this.#sleepers.splice(place, 1);
        }
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener("abort", done);
      this.#sleepers.push(wake);
    });
  }

  take(limit: number): Caller[] {
    return this.#callers.splice(0, limit);
  }

  /** They are the first to be taken again. */
  putBack(callers: readonly Caller[]): void {
    this.#callers = [...callers, ...this.#callers];
  }
}

export function answer(callers: readonly Caller[], outcomes: readonly Outcome[]): void {
  for (const [index, outcome] of outcomes.entries()) {
    if ("error" in outcome) {
      callers[index]?.reject(outcome.error);
    } else {
      callers[index]?.resolve(outcome.value);
    }
  }
}

/** Those who have waited for no longer than `milliseconds`; the others get the error. */
export function stillWaiting(callers: readonly Caller[], milliseconds: number, error: () => Error): Caller[] {
  const oldest = performance.now() - milliseconds;
  return callers.filter((caller) => {
    const waits = caller.calledAt >= oldest;
    if (!waits) {
      caller.reject(error());
    }
    return waits;
  });
}
