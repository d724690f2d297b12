import { everyItem, type GlacierClient } from "@moraine/client/node";
import { isNamed } from "../exit-codes.ts";

/** The vault as the service describes it. */
export interface DescribedVault {
  readonly arn: string;
  readonly region: string;
  readonly archiveCount: number;
  readonly inventoryDate: string | null;
  /** Whether no other vault of the region has archives; false if that cannot be known. */
  readonly isLast: boolean;
}

interface Call {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly signal: AbortSignal;
}

/** Asks the service for the vault. */
export async function describedVault(call: Call): Promise<DescribedVault> {
  const { client, vaultName, signal } = call;
  const described = await client.describeVault({ vaultName }, { signal });
  const arn = described.VaultARN ?? "";
  return {
    arn,
    region: arn.split(":")[3] ?? "",
    archiveCount: described.NumberOfArchives ?? 0,
    inventoryDate: described.LastInventoryDate ?? null,
    isLast: !(await hasOthers(call)),
  };
}

/** Whether another vault of the region has archives; true also if the vaults may not be listed. */
async function hasOthers({ client, vaultName, signal }: Call): Promise<boolean> {
  try {
    for await (const { VaultName, NumberOfArchives } of everyItem(client, "listVaults", {}, { signal })) {
      if (VaultName !== vaultName && NumberOfArchives) {
        return true;
      }
    }
    return false;
  } catch (error) {
    if (isNamed(error, "AccessDeniedException")) {
      return true;
    }
    throw error;
  }
}
