import { inventoriesHeader } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import type { TransferOptions } from "../events.ts";

/** The service's own count of a vault's contents. */
export interface VaultContents {
  readonly archiveCount: number;
  /** Null before the first inventory. */
  readonly lastInventoryDate: Date | null;
  /**
   * Whether an inventory job lists the vault as it is when the job starts. True for a Moraine server, unless it runs with `--profile aws`.
   * AWS lists and counts archives as of the last daily inventory.
   */
  readonly hasCurrentInventories: boolean;
}

/** Asks the service for a vault's count of archives. Null if the caller lacks the permission. */
export async function vaultContents(
  client: GlacierClient,
  vault: { readonly vaultName: string; readonly accountId?: string | undefined },
  { signal }: Pick<TransferOptions, "signal"> = {},
): Promise<VaultContents | null> {
  let hasCurrentInventories = false;
  const onHead = (header: (name: string) => string | null) => {
    hasCurrentInventories = header(inventoriesHeader) === "current";
  };
  try {
    const { LastInventoryDate: date, NumberOfArchives } = await client.describeVault(vault, { signal, onHead });
    return {
      archiveCount: NumberOfArchives ?? 0,
      lastInventoryDate: date ? new Date(date) : null,
      hasCurrentInventories,
    };
  } catch (error) {
    if (hasCode(error, "AccessDeniedException")) {
      return null;
    }
    throw error;
  }
}
