import type { Instant } from "../domain/time/instant.ts";

interface Run<Outcome> {
  readonly startedAt: Instant;
  readonly outcome: Promise<Outcome>;
  hasEnded: boolean;
}

/** Outcomes are small, and only those of jobs that were initiated in a burst are asked for again. */
const runsMax = 256;

/**
 * Work whose outcome several jobs want: for each key one run at a time, which serves every job that was initiated before
 * the run started. So a job never succeeds by bytes that were read before it was asked for.
 */
export class SharedWork<Outcome> {
  readonly #now: () => Instant;
  readonly #runs = new Map<string, Run<Outcome>>();

  constructor(now: () => Instant) {
    this.#now = now;
  }

  /** Rejects, like `work`, for all that wait for the same run. @param since when the job was initiated. */
  async outcome(key: string, since: Instant, work: () => Promise<Outcome>): Promise<Outcome> {
    for (;;) {
      const latest = this.#runs.get(key);
      if (latest !== undefined && latest.startedAt > since) {
        return latest.outcome;
      }
      if (latest === undefined || latest.hasEnded) {
        return this.#start(key, work).outcome;
      }
      await latest.outcome.catch(() => undefined);
    }
  }

  #start(key: string, work: () => Promise<Outcome>): Run<Outcome> {
    const run: Run<Outcome> = { startedAt: this.#now(), outcome: work(), hasEnded: false };
    this.#runs.delete(key);
    this.#runs.set(key, run);
    run.outcome.then(
      () => this.#end(run),
      () => {
        this.#end(run);
        if (this.#runs.get(key) === run) {
          this.#runs.delete(key);
        }
      },
    );
    return run;
  }

  #end(run: Run<Outcome>): void {
    run.hasEnded = true;
    for (const [key, { hasEnded }] of this.#runs) {
      if (this.#runs.size <= runsMax) {
        return;
      }
      if (hasEnded) {
        this.#runs.delete(key);
      }
    }
  }
}
