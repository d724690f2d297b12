import type { ByteRange } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import { orAborted } from "../../http/retry.ts";
import { retryForOf } from "../../persistent-client.ts";
import type { JobReference, OutputFacts } from "./output-facts.ts";
import { jobSource, type OpenRange, type OutputSource } from "./output-source.ts";

/** The maximum of consecutive new jobs whose output expired before a range could be opened. */
const retriesWithoutProgressMax = 3;

type Renew = (gone: JobReference | null, signal: AbortSignal) => Promise<JobReference>;

interface Renewal {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  callers: number;
}

/**
 * Serves an archive from several jobs in turn: a job's output expires after a day, and if that happens in the middle of a download, another
 * job makes it again. Archives never change, so the outputs are the same.
 */
export class RenewingSource implements OutputSource {
  readonly facts: OutputFacts;
  readonly retryForMilliseconds: number;
  readonly #client: GlacierClient;
  readonly #renew: Renew;
  #job: JobReference | null;
  #renewal: Renewal | null = null;
  #fruitless = 0;

  /**
   * @param job null if the facts are known without one: then a job is looked for when the first byte is requested.
   * @param renew finds or starts a job, and resolves once that has succeeded, which may take hours. Its signal ends it.
   */
  constructor(client: GlacierClient, { job, facts }: { job: JobReference | null; facts: OutputFacts }, renew: Renew) {
    this.#client = client;
    this.#job = job;
    this.facts = facts;
    this.retryForMilliseconds = retryForOf(client);
    this.#renew = renew;
  }

  async prepare(signal: AbortSignal): Promise<void> {
    await this.#next(null, signal);
  }

  async open(range: ByteRange, signal: AbortSignal): Promise<OpenRange> {
    for (;;) {
      const job = this.#job;
      if (job === null) {
        await this.#next(job, signal);
        continue;
      }
      try {
        const opened = await jobSource(this.#client, job, this.facts).open(range, signal);
        this.#fruitless = 0;
        return opened;
      } catch (error) {
        signal.throwIfAborted();
        if (!hasCode(error, "ResourceNotFoundException") || this.#fruitless >= retriesWithoutProgressMax) {
          throw error;
        }
        await this.#next(job, signal);
      }
    }
  }

  /** Waits for the next job. Callers whose job has expired share one renewal, which ends once the last of them is aborted. */
  async #next(gone: JobReference | null, signal: AbortSignal): Promise<void> {
    if (this.#job !== gone) {
      return;
    }
    const renewal = this.#renewal ?? this.#startRenewal(gone);
    renewal.callers += 1;
    try {
      await orAborted(renewal.done, signal);
    } finally {
      renewal.callers -= 1;
      if (renewal.callers === 0) {
        this.#renewal = null;
        renewal.stop.abort(signal.reason);
      }
    }
  }

  #startRenewal(gone: JobReference | null): Renewal {
    this.#fruitless += gone === null ? 0 : 1;
    const stop = new AbortController();
    const done = this.#renew(gone, stop.signal).then((job) => {
      this.#job = job;
    });
    done.catch(() => undefined); // The renewal may fail after its last caller has left.
    this.#renewal = { done, stop, callers: 0 };
    return this.#renewal;
  }
}
