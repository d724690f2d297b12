import type { GlacierClient } from "../glacier-client.ts";
import { transferRetryMilliseconds } from "../http/retry-budget.ts";
import { persistentClient } from "../persistent-client.ts";
import type { TransferOptions } from "./events.ts";

/** Returns the client as transfers use it: each call survives an outage, and its retries are reported as events. */
export function transferClient(
  client: GlacierClient,
  { onEvent }: Pick<TransferOptions, "onEvent">,
  retryForMilliseconds = transferRetryMilliseconds,
): GlacierClient {
  return persistentClient(client, {
    retryForMilliseconds,
    onRetry: (retry) => onEvent?.({ kind: "retry", ...retry }),
  });
}
