import type { AdminClient, GlacierClient } from "@moraine/client";
import { UsageError } from "./exit-codes.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { Surroundings } from "./tools.ts";

type Environment = Surroundings["environment"];

/** Where AWS's tools would go; the library is loaded with the first call, since help needs none. Throws UsageError. */
export async function glacierClient(
  options: GlobalOptions,
  environment: Environment,
  settings: { readonly attemptsMax?: number } = {},
): Promise<GlacierClient> {
  const { createClient } = await import("@moraine/client/node");
  const { region, profile, account, retryFor } = options;
  if (account !== undefined && !/^([0-9]{12}|-)$/.test(account)) {
    throw new UsageError(`An account has twelve digits, not ${account}`);
  }
  const endpoint = options.endpoint ?? (environment["MORAINE_ENDPOINT"] || undefined);
  return orUsageError(() =>
    createClient({
      endpoint,
      profile,
      accountId: account,
      retryForMilliseconds: milliseconds(retryFor),
      timeoutMilliseconds: milliseconds(options.timeout),
      ...settings,
      ...(region !== undefined && { region }),
    }),
  );
}

/** Throws `UsageError` for an endpoint that cannot be one. */
export async function adminClient(
  options: Pick<GlobalOptions, "endpoint" | "region" | "profile" | "timeout">,
  environment: Environment,
): Promise<AdminClient> {
  const { createAdminClient, defaultCredentials } = await import("@moraine/client/node");
  const endpoint =
    options.endpoint ??
    environment["MORAINE_ENDPOINT"] ??
    environment["AWS_ENDPOINT_URL_GLACIER"] ??
    "http://127.0.0.1:8484";
  const region = options.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const credentials = defaultCredentials({ profile: options.profile });
  // Whoever types a command can type it again; and a key that was made unseen would count.
  const timeoutMilliseconds = milliseconds(options.timeout);
  return orUsageError(() => createAdminClient({ endpoint, region, credentials, attemptsMax: 1, timeoutMilliseconds }));
}

const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);

async function orUsageError<Client>(create: () => Client | Promise<Client>): Promise<Client> {
  try {
    return await create();
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error;
  }
}
