import type { OperationOutput } from "@moraine/client";
import type { Catalog } from "../catalog/catalog.ts";
import type { SelectionOptions } from "./selection.ts";

/**
 * Returns how many archives the vault had at its last inventory that the catalogue does not list: an inventory in CSV that was cut off, or an
 * old one, looks like a whole one. 0 for a selection, and when the service did not describe the vault.
 *
 * @param selected the archives of the rescue
 */
export async function unlistedArchives(
  { archives }: Pick<Catalog, "archives">,
  vault: OperationOutput<"DescribeVault"> | null,
  { filter, matches, archiveIds }: SelectionOptions,
  selected: number,
): Promise<number> {
  const isSelection = Object.keys(filter).length > 0 || matches !== null || archiveIds !== null;
  const count = vault?.NumberOfArchives ?? 0;
  if (isSelection || count <= selected) {
    return 0;
  }
  // The service may still count those that were deleted here.
  const deleted = await archives.count({ states: ["deleted"] });
  return Math.max(0, count - selected - deleted);
}
