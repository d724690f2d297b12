/** Lets loops wait until another one has something for them. */
export class Wakeup {
  #waiting = Promise.withResolvers<void>();
  /** How often it has woken. */
  count = 0;

  wake(): void {
    this.count += 1;
    this.#waiting.resolve();
    this.#waiting = Promise.withResolvers();
  }

  /**
   * Resolves at the next `wake`, after the time, or when the signal aborts. Never rejects.
   *
   * @param since the `count` before the caller has looked for something to do: what was woken meanwhile is not missed.
   */
  async wait(milliseconds: number | null, since: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.count !== since) {
      return;
    }
    const { promise: timeout, resolve } = Promise.withResolvers<void>();
    const timer = milliseconds === null ? undefined : setTimeout(resolve, Math.min(milliseconds, timerMillisecondsMax));
    const abort = () => resolve();
    signal.addEventListener("abort", abort);
    try {
      await Promise.race([this.#waiting.promise, timeout]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }
}

/** Node fires timers of longer durations at once. */
const timerMillisecondsMax = 2 ** 31 - 1;
