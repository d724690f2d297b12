import type { ByteRange } from "@moraine/protocol";
import type { GlacierClient } from "../client.ts";
import { retryForOf } from "../persistent-client.ts";
import type { JobReference, OutputFacts } from "./output-facts.ts";
import { jobSource, type OpenRange, type OutputSource } from "./output-source.ts";
import { hasCode } from "./transfer-errors.ts";

/** New jobs in a row of which not one range could be had. */
const fruitlessJobsMax = 3;

/**
 * The output of one job after another: an output lives a day, and when it is gone in the middle of a download another job
 * makes it again. Of an archive, which never changes.
 */
export class RenewingSource implements OutputSource {
  readonly facts: OutputFacts;
  readonly retryForMilliseconds: number;
  readonly #client: GlacierClient;
  readonly #renew: (gone: JobReference) => Promise<JobReference>;
  #job: JobReference;
  #renewal: Promise<void> | null = null;
  #fruitless = 0;

  /** @param renew gives a job that has succeeded. */
  constructor(
    client: GlacierClient,
    { job, facts }: { job: JobReference; facts: OutputFacts },
    renew: (gone: JobReference) => Promise<JobReference>,
  ) {
    this.#client = client;
    this.#job = job;
    this.facts = facts;
    this.retryForMilliseconds = retryForOf(client);
    this.#renew = renew;
  }

  async open(range: ByteRange, signal: AbortSignal): Promise<OpenRange> {
    for (;;) {
      const job = this.#job;
      try {
        const opened = await jobSource(this.#client, job, this.facts).open(range, signal);
        this.#fruitless = 0;
        return opened;
      } catch (error) {
        signal.throwIfAborted();
        if (!hasCode(error, "ResourceNotFoundException") || this.#fruitless >= fruitlessJobsMax) {
          throw error;
        }
        await this.#next(job);
      }
    }
  }

  /** All who find the same job gone wait for the same next one. */
  async #next(gone: JobReference): Promise<void> {
    if (this.#job !== gone) {
      return;
    }
    this.#renewal ??= this.#renewed(gone).finally(() => {
      this.#renewal = null;
    });
    await this.#renewal;
  }

  async #renewed(gone: JobReference): Promise<void> {
    this.#fruitless += 1;
    this.#job = await this.#renew(gone);
  }
}
