import type { GlacierClient } from "@moraine/client";
import { listing } from "../terminal/table.ts";

interface Call {
  readonly client: GlacierClient;
  readonly signal: AbortSignal;
}

/** Describes where a change would be made, before a person confirms it: the profile or endpoint may not be the one they expect. */
export async function serviceFacts(call: Call, vaultName: string | null): Promise<string> {
  const { endpointOf } = await import("@moraine/client/node");
  const arn = await arnOf(call, vaultName).catch((error: unknown) => {
    if (error instanceof Error && error.name === "AccessDeniedException") {
      return undefined;
    }
    throw error;
  });
  const [, , , region, account] = arn?.split(":") ?? [];
  return listing({
    endpoint: endpointOf(call.client)?.origin,
    ...(region !== undefined && { region }),
    account: account ?? "of the credentials",
  });
}

/** Whether requests go to AWS, which charges for them. */
export async function isAws(client: GlacierClient): Promise<boolean> {
  const { endpointOf } = await import("@moraine/client/node");
  return isAwsHost(endpointOf(client)?.hostname ?? "");
}

/** The same of a service's URL; none is AWS's own. */
export const isAwsEndpoint = (url: string): boolean =>
  url === "" || (URL.canParse(url) && isAwsHost(new URL(url).hostname));

const isAwsHost = (host: string): boolean => /(^|\.)amazonaws\.com(\.cn)?$/.test(host);

/** Returns the ARN of a vault, which shows the account of the credentials. No other operation does. */
async function arnOf({ client, signal }: Call, vaultName: string | null): Promise<string | undefined> {
  if (vaultName !== null) {
    return (await client.describeVault({ vaultName }, { signal })).VaultARN;
  }
  const { VaultList } = await client.listVaults({ limit: 1 }, { signal });
  return VaultList[0]?.VaultARN;
}
