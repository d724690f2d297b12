import type { GlacierClient } from "@moraine/client";

/** Throws if the vault does not exist. Some may use a vault that they may not describe. */
export async function assertVaultExists(client: GlacierClient, vaultName: string, signal: AbortSignal): Promise<void> {
  try {
    await client.describeVault({ vaultName }, { signal });
  } catch (error) {
    if (!(error instanceof Error && error.name === "AccessDeniedException")) {
      throw error;
    }
  }
}
