import type { OperationOutput } from "@moraine/client";
import type { Catalog } from "../../catalog/catalog.ts";
import { recordedInventory } from "../../catalog/inventory/recorded-inventory.ts";
import type { SelectionOptions } from "../selection.ts";

/**
 * Returns how many archives the vault has more than the catalogue lists: its inventory is old, or was a CSV that was cut off after a line and
 * looks whole. 0 for a selection, and when the service did not describe the vault.
 *
 * @param selected the archives of the rescue
 */
export function unlistedArchives(
  catalog: Catalog,
  vault: OperationOutput<"DescribeVault"> | null,
  { filter, matches, archiveIds }: SelectionOptions,
  selected: number,
): number {
  const isSelection = Object.keys(filter).length > 0 || matches !== null || archiveIds !== null;
  if (vault === null || isSelection) {
    return 0;
  }
  // AWS counts archives as of its last inventory, and those that were deleted since then as well.
  const deleted = catalog.archives.deletedSince(new Date(vault.LastInventoryDate ?? 0));
  const known = selected + deleted + (recordedInventory(catalog)?.leftOut ?? 0);
  return Math.max(0, (vault.NumberOfArchives ?? 0) - known);
}
