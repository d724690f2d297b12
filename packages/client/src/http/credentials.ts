import type { ServiceClock } from "./service-clock.ts";

/** Keys of AWS's kind. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** The token of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** The time at which they expire, if they do. */
  readonly expiration?: Date | undefined;
}

/**
 * Finds credentials. It is called at first, again shortly before its credentials expire, and with `forceRefresh` when the service reports
 * them as expired. AWS's own providers fit.
 */
export type CredentialProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<Credentials>;

/**
 * The time before their expiry at which credentials are renewed; those that last less than twice as long are renewed at half of their time.
 */
const refreshMilliseconds = 5 * 60_000;
/** After a renewal that failed or changed nothing, the provider is asked again this much later. */
const pauseMilliseconds = { least: 1000, most: 60_000 };

/** Keeps credentials until they expire. The provider is called once for all calls that wait. */
export class CredentialCache {
  readonly #provider: CredentialProvider;
  readonly #clock: ServiceClock;
  #kept: Credentials | undefined;
  /** By the service's clock. */
  #renewAt = Number.POSITIVE_INFINITY;
  #asking: Promise<Credentials> | undefined;

  constructor(credentials: Credentials | CredentialProvider, clock: ServiceClock) {
    this.#provider = typeof credentials === "function" ? credentials : async () => credentials;
    this.#clock = clock;
  }

  /** Whether credentials have been found before, so that a failure to renew them may pass. */
  get wereFound(): boolean {
    return this.#kept !== undefined;
  }

  /** Rejects with the provider's error, unless those at hand are still valid. */
  async get(): Promise<Credentials> {
    const kept = this.#kept;
    if (kept === undefined) {
      return this.#ask({});
    }
    if (this.#now() < this.#renewAt && this.#leftOf(kept) > 0) {
      return kept;
    }
    try {
      return await this.#ask({});
    } catch (error) {
      const leftMilliseconds = this.#leftOf(kept);
      if (leftMilliseconds <= 0) {
        throw error;
      }
      this.#renewIn(Math.min(leftMilliseconds / 2, pauseMilliseconds.most));
      return kept;
    }
  }

  /** Returns fresh credentials instead of those that the service refuses; undefined when there are no others. */
  async replace(refused: Credentials): Promise<Credentials | undefined> {
    // Another call may have replaced them meanwhile.
    const next = this.#kept === refused ? await this.#ask({ forceRefresh: true }) : await this.get();
    return next.accessKeyId === refused.accessKeyId && next.sessionToken === refused.sessionToken ? undefined : next;
  }

  async #ask(options: { readonly forceRefresh?: boolean }): Promise<Credentials> {
    this.#asking ??= this.#provider(options).finally(() => {
      this.#asking = undefined;
    });
    const found = await this.#asking;
    if (found !== this.#kept || this.#now() >= this.#renewAt) {
      this.#kept = found;
      const leftMilliseconds = this.#leftOf(found);
      this.#renewIn(leftMilliseconds - Math.min(refreshMilliseconds, leftMilliseconds / 2));
    }
    return found;
  }

  #renewIn(milliseconds: number): void {
    this.#renewAt = this.#now() + Math.max(milliseconds, pauseMilliseconds.least);
  }

  #leftOf({ expiration }: Credentials): number {
    return (expiration?.getTime() ?? Number.POSITIVE_INFINITY) - this.#now();
  }

  #now(): number {
    return this.#clock.now().getTime();
  }
}
