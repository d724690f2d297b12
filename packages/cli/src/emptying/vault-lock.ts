import type { GlacierClient } from "@moraine/client";
import { isNamed } from "../exit-codes.ts";
import { type LockRules, lockRulesOf, noLockRules } from "./lock-rules.ts";

/** Asks the service for the vault's lock, on trial or complete, and reads its rules. */
export async function rulesOfVault(
  client: GlacierClient,
  { vaultName, vaultArn }: { readonly vaultName: string; readonly vaultArn: string },
  signal: AbortSignal,
): Promise<LockRules> {
  try {
    const { Policy } = await client.getVaultLock({ vaultName }, { signal });
    return typeof Policy === "string" ? lockRulesOf(Policy, vaultArn) : noLockRules;
  } catch (error) {
    if (isNamed(error, "ResourceNotFoundException")) {
      return noLockRules;
    }
    if (isNamed(error, "AccessDeniedException")) {
      return { ...noLockRules, undecided: ["the lock, which you may not read"] };
    }
    throw error;
  }
}
