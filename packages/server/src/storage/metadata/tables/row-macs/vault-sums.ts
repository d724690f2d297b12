import type { DamagedRow } from "../../../../domain/stores/metadata-store.ts";
import { ArchiveTotals } from "./archive-sum.ts";
import type { RowHasher, SealedValues } from "./row-hasher.ts";
import { isSound } from "./row-seal.ts";

/** Vaults whose sums are computed in one pass over the archives: what the pass holds in memory. */
export const vaultsAtOnce = 10_000;

/** A vault whose archives are not those that were stored. */
export interface VaultDifference {
  readonly vault: SealedValues;
  readonly damaged: DamagedRow;
}

interface Contents {
  readonly vault: SealedValues;
  readonly totals: ArchiveTotals;
}

/**
 * Compares the archives of vaults with the counts and the sums in the rows of the vaults, all as of the revisions of those: rows outlive their
 * archives. So the vaults are read first, and archives may change while they are read.
 */
export class VaultSums {
  readonly #hasher: RowHasher;
  readonly #contents: ReadonlyMap<unknown, Contents>;

  /** Passes over rows that are damaged, which say nothing. */
  constructor(hasher: RowHasher, vaults: readonly SealedValues[]) {
    const sound = vaults.filter((vault) => isSound(hasher, "vaults", vault));
    this.#hasher = hasher;
    this.#contents = new Map(sound.map((vault) => [vault["id"], { vault, totals: new ArchiveTotals() }]));
  }

  /** Adds the row of an archive, of whatever vault. */
  add(row: SealedValues): void {
    const contents = this.#contents.get(row["vault_id"]);
    contents?.totals.add(this.#hasher, row, BigInt(contents.vault["revision"] as number | bigint));
  }

  /** Yields the vaults that differ, once all archives were added. */
  *differences(): Generator<VaultDifference, void, void> {
    for (const { vault, totals } of this.#contents.values()) {
      const { count, bytes, sum } = totals;
      const isSameSum = Buffer.from(sum).equals(vault["archive_sum"] as Uint8Array);
      const { archive_count: countThen, archive_bytes: bytesThen } = vault as Readonly<Record<string, number | bigint>>;
      if (!isSameSum || count !== BigInt(countThen ?? 0) || bytes !== BigInt(bytesThen ?? 0)) {
        const row =
          `of the vault with id ${vault["id"]}: ${count} rows of ${bytes} bytes are there, and ${countThen} of ${bytesThen} were stored; ` +
          "rows are missing, added or changed";
        yield { vault, damaged: { table: "archives", row } };
      }
    }
  }
}
