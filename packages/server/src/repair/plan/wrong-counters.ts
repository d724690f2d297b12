import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { openedRowKey } from "../../auth/keyring.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { ifPresentSync } from "../../files/missing.ts";
import type { ProvenCounters } from "../../storage/metadata/correct-counters.ts";
import { ArchiveTotals } from "../../storage/metadata/tables/row-macs/archive-sum.ts";
import { RowHasher, type SealedValues } from "../../storage/metadata/tables/row-macs/row-hasher.ts";
import { isSound } from "../../storage/metadata/tables/row-macs/row-seal.ts";
import { arnOfRow } from "../../verify/vault-arn.ts";

/** A vault of whose row nothing but the counters was changed. */
export interface WrongCounters {
  readonly vault: string | undefined;
  /** The numbers in the row, and those that its archives make. */
  readonly counted: string;
  readonly right: ProvenCounters;
}

type Row = Readonly<Record<string, string | bigint | Uint8Array | null>>;

const pageRows = 500;
const lowestPlace = -(2n ** 63n);

/** Null without the sealing key: then no row can be judged. */
export function rowHasherOf(
  database: DatabaseSync,
  dataFolder: string,
  sealingKeyFile: string | null,
): RowHasher | null {
  const key = ifPresentSync(() => readFileSync(sealingKeyFile ?? join(dataFolder, "secrets.key")));
  const keys = database
    .prepare("SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id")
    .all()
    .map(({ id, wrapped }) => ({ id: String(id), wrapped: wrapped as Uint8Array }));
  return key === null || keys.length === 0 ? null : new RowHasher(openedRowKey(keys, key));
}

/**
 * Finds vaults whose row has its MAC once the counters are those of its archives, all of which have theirs. So the MAC itself proves what
 * the row was: nothing is believed that was not sealed.
 */
export async function* wrongCounters(
  database: DatabaseSync,
  hasher: RowHasher,
): AsyncGenerator<WrongCounters, void, void> {
  const next = database.prepare("SELECT * FROM vaults WHERE typeof(id) = 'text' AND id > ? ORDER BY id LIMIT 1");
  next.setReadBigInts(true);
  let id = "";
  for (let row = next.get(id) as Row | undefined; row !== undefined; row = next.get(id) as typeof row) {
    id = nextPlace(id, String(row["id"]));
    if (isSound(hasher, "vaults", row as SealedValues)) {
      continue;
    }
    const right = await contentsOf(database, hasher, row);
    if (right !== null && isSound(hasher, "vaults", { ...row, ...right } as SealedValues)) {
      const counted =
        `the row counts ${row["archive_count"]} archives of ${row["archive_bytes"]} bytes; those of the vault are ` +
        `${right.archive_count} of ${right.archive_bytes} bytes, with which the row has its MAC`;
      yield { vault: arnOfRow(row as never), counted, right };
    }
  }
}

/** Null when the row of an archive is not as it was stored. */
async function contentsOf(database: DatabaseSync, hasher: RowHasher, vault: Row): Promise<ProvenCounters | null> {
  const page = database.prepare(
    `SELECT rowid AS place, * FROM archives WHERE vault_id = ? AND rowid > ? ORDER BY rowid LIMIT ${pageRows}`,
  );
  page.setReadBigInts(true);
  const totals = new ArchiveTotals();
  for (let after: bigint | null = lowestPlace; after !== null; ) {
    const rows = page.all(String(vault["id"]), after) as Row[];
    if (rows.some((row) => !isSound(hasher, "archives", row as SealedValues))) {
      return null;
    }
    for (const row of rows) {
      totals.add(hasher, row as SealedValues, vault["revision"] as bigint);
    }
    after = rows.length < pageRows ? null : nextPlace(after, rows.at(-1)?.["place"] as bigint);
    await setImmediate();
  }
  return {
    id: String(vault["id"]),
    archive_count: Number(totals.count),
    archive_bytes: Number(totals.bytes),
    archive_sum: totals.sum,
  };
}
