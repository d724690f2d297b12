import type { Catalog } from "../catalog.ts";
import { CatalogError } from "../catalog-error.ts";

/** The newest inventory that was imported to its end. */
export interface RecordedInventory {
  /** The date by which it lists the vault; null if it had none. */
  readonly listedAt: Date | null;
  /** Archives that it listed. */
  readonly listed: number;
  /** Its entries that were invalid, and are not in the catalogue. */
  readonly leftOut: number;
  /** The vault; null if it did not name it. */
  readonly vaultArn: string | null;
}

/** Returns null before the first import. */
export function recordedInventory({ facts }: Catalog): RecordedInventory | null {
  const text = facts.get("inventory");
  if (text === null) {
    return null;
  }
  const recorded = JSON.parse(text) as Omit<RecordedInventory, "listedAt"> & { readonly listedAt: string | null };
  const { listedAt, listed, leftOut = 0, vaultArn } = recorded;
  return { listedAt: listedAt === null ? null : new Date(listedAt), listed, leftOut, vaultArn };
}

/** Says by which date the catalogue lists the vault. */
export function asOfText(catalog: Catalog): string {
  const inventory = recordedInventory(catalog);
  if (inventory === null) {
    return "As of no inventory: none was imported to its end";
  }
  return `As of ${inventory.listedAt?.toISOString() ?? "an inventory without a date"}`;
}

export function recordInventory({ facts }: Catalog, inventory: RecordedInventory): void {
  facts.set("inventory", JSON.stringify(inventory));
}

/** Returns the ARN that the service has described the vault with, or an inventory has named; null while neither has. */
export function knownArn(catalog: Catalog): string | null {
  const described = catalog.facts.get("described-vault");
  return described === null
    ? (recordedInventory(catalog)?.vaultArn ?? null)
    : (JSON.parse(described) as { readonly arn: string }).arn;
}

/** Throws CatalogError unless the name is that of the catalogue's vault, and of the account and region that are known. */
export function assertIsOf(vaultArn: string, catalog: Catalog): void {
  const known = knownArn(catalog);
  const { vaultName } = catalog.vault;
  const isSame = known === null ? vaultArn.endsWith(`:vaults/${vaultName}`) : vaultArn === known;
  if (!isSame) {
    throw new CatalogError(
      `The inventory is of ${vaultArn.slice(0, 400)}, not of ${known ?? `vault ${vaultName}`}: name its own vault, and another file with --catalog`,
    );
  }
}
