import type { ServiceClock } from "./service-clock.ts";

/** Keys of AWS's kind. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
  /** When they end, if they do. */
  readonly expiration?: Date | undefined;
}

/**
 * Finds credentials. Asked at first, again shortly before what it gave expires, and with `forceRefresh` when the service has
 * called that expired already. AWS's own providers fit.
 */
export type CredentialProvider = (options?: { readonly forceRefresh?: boolean }) => Promise<Credentials>;

const refreshMilliseconds = 5 * 60 * 1000;

/** Keeps credentials as long as they last. However many calls wait for them, the provider is asked once. */
export class CredentialCache {
  readonly #provider: CredentialProvider;
  readonly #clock: ServiceClock;
  #kept: Credentials | undefined;
  #asking: Promise<Credentials> | undefined;

  constructor(credentials: Credentials | CredentialProvider, clock: ServiceClock) {
    this.#provider = typeof credentials === "function" ? credentials : async () => credentials;
    this.#clock = clock;
  }

  async get(): Promise<Credentials> {
    const kept = this.#kept;
    if (kept !== undefined && !this.#endsSoon(kept)) {
      return kept;
    }
    return this.#ask({});
  }

  /** Fresh ones in the place of those that the service does not take any more; undefined when there are no others. */
  async replace(refused: Credentials): Promise<Credentials | undefined> {
    // Another call may have replaced them meanwhile.
    const next = this.#kept === refused ? await this.#ask({ forceRefresh: true }) : await this.get();
    return next.accessKeyId === refused.accessKeyId && next.sessionToken === refused.sessionToken ? undefined : next;
  }

  async #ask(options: { readonly forceRefresh?: boolean }): Promise<Credentials> {
    this.#asking ??= this.#provider(options).finally(() => {
      this.#asking = undefined;
    });
    this.#kept = await this.#asking;
    return this.#kept;
  }

  #endsSoon({ expiration }: Credentials): boolean {
    return expiration !== undefined && expiration.getTime() - this.#clock.now().getTime() < refreshMilliseconds;
  }
}
