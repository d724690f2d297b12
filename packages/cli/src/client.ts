import type { AdminClient } from "@moraine/client";
import { createAdminClient } from "@moraine/client/node";
import { UsageError } from "./exit-codes.ts";

export interface ClientOptions {
  readonly endpoint?: string;
  readonly region?: string;
}

/** Throws `UsageError` for an endpoint that cannot be one. */
export function adminClient(
  options: ClientOptions,
  environment: Readonly<Record<string, string | undefined>>,
): AdminClient {
  const endpoint =
    options.endpoint ??
    environment["MORAINE_ENDPOINT"] ??
    environment["AWS_ENDPOINT_URL_GLACIER"] ??
    "http://127.0.0.1:8484";
  const region = options.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  try {
    // Whoever types a command can type it again; and a key that was made unseen would count.
    return createAdminClient({ endpoint, region, attemptsMax: 1 });
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error;
  }
}
