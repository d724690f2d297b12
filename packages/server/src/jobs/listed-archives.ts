import { DamagedRowError } from "../domain/stores/metadata-store.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import { arnOf, type InventorySnapshot, type Vault } from "../domain/vaults/vault.ts";

const sumBits = 256;

/** The archives that an inventory has listed, added up. */
export class ListedArchives {
  #count = 0;
  #bytes = 0;
  #sum = 0n;

  add(archives: readonly Archive[], sum: string): void {
    this.#count += archives.length;
    this.#bytes += archives.reduce((bytes, { sizeBytes }) => bytes + sizeBytes, 0);
    this.#sum = BigInt.asUintN(sumBits, this.#sum + BigInt(`0x${sum}`));
  }

  /** Throws DamagedRowError when these are not all archives of the vault, or others. */
  assertAll(vault: Vault, { archiveCount, archiveBytes, archiveSum }: InventorySnapshot): void {
    if (this.#count !== archiveCount || this.#bytes !== archiveBytes || this.#sum !== BigInt(`0x${archiveSum}`)) {
      const found = `${this.#count} archives of ${this.#bytes} bytes instead of ${archiveCount} of ${archiveBytes}`;
      throw new DamagedRowError({ table: "archives", row: `the inventory of ${arnOf(vault)} would list ${found}` });
    }
  }
}
