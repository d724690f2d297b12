import { setImmediate as nextTurn } from "node:timers/promises";
import type { InventoryItem } from "@moraine/protocol";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { ListedNumbers } from "../../catalog/inventory/listed-numbers.ts";
import { assertIsOf, recordedInventory } from "../../catalog/inventory/recorded-inventory.ts";
import { decodeName } from "../../names/decode-name.ts";
import type { Difference } from "./difference.ts";

/** An inventory as it is read. */
export type InventoryItems = AsyncIterable<readonly InventoryItem[]> & {
  readonly inventoryDate: Date | null;
  /** The vault; null until it was read, or if the inventory does not name it. */
  readonly vaultArn: string | null;
};

/** Counts of a comparison with an inventory. */
export interface InventoryCounts {
  listed: number;
  listedAt: Date | null;
  /** Archives of the catalogue that were made after the inventory. */
  newer: number;
}

/**
 * Compares the catalogue with an inventory, in both directions, and changes neither. Memory: one bit for each archive of the catalogue. An
 * archive that is newer than the inventory, or was deleted after it, is no difference. Throws CatalogError for the inventory of another vault.
 */
export async function* compareInventory(
  catalog: Catalog,
  inventory: InventoryItems,
  counts: InventoryCounts,
): AsyncGenerator<readonly Difference[], void, void> {
  const listed = new ListedNumbers();
  const assertSameVault = () => inventory.vaultArn === null || assertIsOf(inventory.vaultArn, catalog);
  for await (const items of inventory) {
    assertSameVault();
    counts.listed += items.length;
    yield items.flatMap((item) => {
      const archive = catalog.archives.get(item.archiveId);
      if (archive !== null) {
        listed.add(archive.number);
      }
      return differenceOf(item, archive, inventory.inventoryDate) ?? [];
    });
    await nextTurn();
  }
  assertSameVault();
  yield leftOutBy(catalog);
  const listedAt = inventory.inventoryDate;
  counts.listedAt = listedAt;
  for await (const archives of catalog.archives.inOrderOfCreation()) {
    const unlisted = archives.filter(({ number }) => !listed.has(number));
    const missing = unlisted.filter(({ createdAt }) => listedAt === null || createdAt < listedAt);
    counts.newer += unlisted.length - missing.length;
    yield missing.map(({ path, archiveId }) => ({ kind: "missing-in-vault", path, archiveId, details: null }));
  }
}

/** Archives whose entries were invalid when they were imported may be missing in the catalogue. */
function leftOutBy(catalog: Catalog): readonly Difference[] {
  const { leftOut = 0 } = recordedInventory(catalog) ?? {};
  const details = `${leftOut} invalid entries: import another inventory`;
  return leftOut === 0 ? [] : [{ kind: "left-out-by-import", path: "", archiveId: null, details }];
}

function differenceOf(item: InventoryItem, archive: CatalogArchive | null, listedAt: Date | null): Difference | null {
  const { archiveId } = item;
  const unknown = (details: string | null): Difference => {
    const { path } = decodeName(item.archiveDescription);
    return { kind: "unknown-in-vault", path, archiveId, details };
  };
  if (archive === null) {
    return unknown(null);
  }
  const isGone = archive.state === "deleted" || archive.state === "vanished";
  if (isGone && !(listedAt !== null && archive.stateAt !== null && archive.stateAt >= listedAt)) {
    return unknown(`the catalogue has it as ${archive.state}`);
  }
  const details = [
    item.sizeBytes === archive.sizeBytes ? "" : `${item.sizeBytes} bytes, not ${archive.sizeBytes}`,
    item.treeHash.toLowerCase() === archive.treeHash ? "" : `tree hash ${item.treeHash}, not ${archive.treeHash}`,
  ].filter(Boolean);
  return details.length === 0
    ? null
    : { kind: "different-in-vault", path: archive.path, archiveId, details: details.join(", ") };
}
