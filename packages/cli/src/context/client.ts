import type { AdminClient, GlacierClient } from "@moraine/client";
import { UsageError } from "../exit-codes.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { CliEnvironment } from "./tools.ts";

type Environment = CliEnvironment["environment"];

/** Makes a client with the settings that AWS's tools would use. Loads the library here, since help does not need it. Throws UsageError. */
export async function glacierClient(
  options: GlobalOptions,
  environment: Environment,
  settings: { readonly attemptsMax?: number } = {},
): Promise<GlacierClient> {
  const { createClient } = await import("@moraine/client/node");
  const { region, profile, account, retryFor } = options;
  if (account !== undefined && !/^([0-9]{12}|-)$/.test(account)) {
    throw new UsageError(`Invalid account "${account}": expected twelve digits`);
  }
  const endpoint = options.endpoint ?? (environment["MORAINE_ENDPOINT"] || undefined);
  return orUsageError(() =>
    createClient({
      endpoint,
      profile,
      ca: options.ca,
      accountId: account,
      retryForMilliseconds: milliseconds(retryFor),
      timeoutMilliseconds: milliseconds(options.timeout),
      region,
      ...settings,
    }),
  );
}

/** Throws `UsageError` for settings that cannot be used. */
export async function adminClient(options: AdminOptions, environment: Environment): Promise<AdminClient> {
  const { createAdminClient } = await import("@moraine/client/node");
  const { region, profile, ca, timeout } = options;
  const endpoint = options.endpoint ?? (environment["MORAINE_ENDPOINT"] || undefined);
  // Not retried: a key whose response was lost would exist unseen and count. Users can repeat the command themselves.
  const once = { attemptsMax: 1, timeoutMilliseconds: milliseconds(timeout) };
  return orUsageError(() => createAdminClient({ endpoint, region, profile, ca, ...once }));
}

type AdminOptions = Pick<GlobalOptions, "endpoint" | "region" | "profile" | "ca" | "timeout">;

const milliseconds = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1000);

async function orUsageError<Client>(create: () => Client | Promise<Client>): Promise<Client> {
  try {
    return await create();
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error;
  }
}
