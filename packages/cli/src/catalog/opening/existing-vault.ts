import type { GlacierClient, OperationOutput } from "@moraine/client";
import { isNamed } from "../../exit-codes.ts";

/** Throws if the vault does not exist. Some may use a vault that they may not describe: then it resolves to null. */
export async function existingVault(
  client: GlacierClient,
  vaultName: string,
  signal: AbortSignal,
): Promise<OperationOutput<"DescribeVault"> | null> {
  try {
    return await client.describeVault({ vaultName }, { signal });
  } catch (error) {
    if (isNamed(error, "AccessDeniedException")) {
      return null;
    }
    throw error;
  }
}
