import type { AccountId, JobId } from "@moraine/protocol";

/** A wait costs little, but a tenant that initiates jobs by the thousand has no use for it. */
const waitsPerAccountMax = 64;

/** Requests that wait a moment for the job that they have initiated. */
export class JobWaits {
  readonly #milliseconds: number;
  readonly #endings = new Map<JobId, () => void>();
  readonly #counts = new Map<AccountId, number>();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  get size(): number {
    return this.#endings.size;
  }

  /** Resolves when the job has ended, its client has gone, or the time is over; at once, when many of the account wait. */
  async wait(jobId: JobId, accountId: AccountId, onClientGone: (listener: () => void) => void): Promise<void> {
    const count = this.#counts.get(accountId) ?? 0;
    if (count >= waitsPerAccountMax || this.#milliseconds === 0) {
      return;
    }
    this.#counts.set(accountId, count + 1);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => end(), this.#milliseconds);
      const end = () => {
        clearTimeout(timer);
        this.#endings.delete(jobId);
        resolve();
      };
      this.#endings.set(jobId, end);
      onClientGone(end);
    });
    this.#release(accountId);
  }

  ended(jobId: JobId): void {
    this.#endings.get(jobId)?.();
  }

  #release(accountId: AccountId): void {
    const count = (this.#counts.get(accountId) ?? 0) - 1;
    if (count > 0) {
      this.#counts.set(accountId, count);
    } else {
      this.#counts.delete(accountId);
    }
  }
}
