import { millisecondsPer } from "@moraine/protocol";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";

/** A body that takes longer than a day is cut off by the listener; its intent must outlive it. */
export const intentLeaseMilliseconds = 25 * millisecondsPer.hour;
/** Leases that end sooner than this are prolonged. */
const leaseLeftMilliseconds = 12 * millisecondsPer.hour;
const batchKeys = 200;

/** The intents of segments that this process is writing now, so that none of them is swept however long the writing takes. */
export class RunningIntents {
  readonly #leases = new Map<string, Instant>();

  get count(): number {
    return this.#leases.size;
  }

  begin(key: string, leaseUntil: Instant): void {
    this.#leases.set(key, leaseUntil);
  }

  end(key: string): void {
    this.#leases.delete(key);
  }

  /** Prolongs the leases that end soon after `now`: a sweep at `now` passes over all that is running. */
  async renew(metadata: Pick<MetadataStore, "renewIntents">, now: Instant): Promise<void> {
    const leaseUntil = now + intentLeaseMilliseconds;
    const ending = [...this.#leases].filter(([, until]) => until < now + leaseLeftMilliseconds).map(([key]) => key);
    for (let start = 0; start < ending.length; start += batchKeys) {
      const keys = ending.slice(start, start + batchKeys);
      await metadata.renewIntents({ keys, leaseUntil });
      for (const key of keys.filter((key) => this.#leases.has(key))) {
        this.#leases.set(key, leaseUntil);
      }
    }
  }
}
