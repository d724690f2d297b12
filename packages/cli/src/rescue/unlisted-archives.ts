import type { OperationOutput } from "@moraine/client";
import type { Catalog } from "../catalog/catalog.ts";
import { recordedInventory } from "../catalog/recorded-inventory.ts";
import type { SelectionOptions } from "./selection.ts";

/**
 * Returns how many archives the vault has more than its inventory in CSV has listed: one that was cut off after a line looks whole. 0 for other
 * inventories, for a selection, and when the service did not describe the vault.
 */
export function unlistedArchives(
  catalog: Catalog,
  vault: OperationOutput<"DescribeVault"> | null,
  { filter, matches, archiveIds }: SelectionOptions,
): number {
  const inventory = recordedInventory(catalog);
  const isSelection = Object.keys(filter).length > 0 || matches !== null || archiveIds !== null;
  if (!inventory?.isCsv || isSelection) {
    return 0;
  }
  return Math.max(0, (vault?.NumberOfArchives ?? 0) - inventory.listed - inventory.leftOut);
}
