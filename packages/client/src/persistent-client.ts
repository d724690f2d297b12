import { transferRetryMilliseconds } from "./http/retry-budget.ts";
import type { CallOptions } from "./operation-types.ts";

/** The `retryForMilliseconds` that each client was made with. */
const ownLimits = new WeakMap<object, number | undefined>();

/** Remembers a client's own limit, for the transfers that use it. */
export function rememberRetries(client: object, retryForMilliseconds: number | undefined): void {
  ownLimits.set(client, retryForMilliseconds);
}

/** Returns how long a transfer retries without any progress: the client's own setting, else 30 minutes. */
export function retryForOf(client: object): number {
  return ownLimits.get(client) ?? transferRetryMilliseconds;
}

type Method = (input?: object, options?: CallOptions) => Promise<unknown>;

/**
 * Returns the same client, with other defaults for the options of each call. A call's `retryForMilliseconds` makes it survive an
 * outage, where the client was made without one.
 */
export function persistentClient<Client extends object>(client: Client, defaults: CallOptions): Client {
  const methods = Object.entries(client as Record<string, Method>).map(([name, method]) => [
    name,
    (input?: object, options?: CallOptions) => method(input, { ...defaults, ...options }),
  ]);
  const persistent = Object.fromEntries(methods) as Client;
  rememberRetries(persistent, ownLimits.get(client));
  return persistent;
}
