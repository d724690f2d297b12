import { idLengths } from "@moraine/protocol";
import { openedRowKey } from "../../auth/keyring.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import { isOutOfRange } from "../../storage/metadata/postgres/postgres-values.ts";
import type { RowValue } from "../../storage/metadata/row-reader.ts";
import { unpackId } from "../../storage/metadata/tables/packed.ts";
import { RowHasher, type SealedValues } from "../../storage/metadata/tables/row-macs/row-hasher.ts";
import { isSound, nameOf } from "../../storage/metadata/tables/row-macs/row-seal.ts";
import { type SealedTableName, sealedTables } from "../../storage/metadata/tables/row-macs/sealed-columns.ts";
import { VaultSums, vaultsAtOnce } from "../../storage/metadata/tables/row-macs/vault-sums.ts";
import type { Finding } from "../finding.ts";
import { dataKeysOf, sealingKeyOf } from "../sealing-key.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";
import { changedRow } from "./changed-row.ts";

const pageRows = 500;

/**
 * Compares each row of a cluster with its MAC, and the archives of each vault with its counts and its sum. PostgreSQL itself keeps references and
 * indices. Without the sealing key nothing can be said.
 */
export async function checkRows(verification: Verification): Promise<void> {
  const sealingKey = sealingKeyOf(verification);
  if (sealingKey === null) {
    return;
  }
  const hasher = new RowHasher(openedRowKey(await dataKeysOf(verification.rows), sealingKey));
  for (const table of Object.keys(sealedTables) as SealedTableName[]) {
    for await (const { rows, outOfRange } of pagesOf(verification, table)) {
      for (const row of rows.filter((each) => !isSound(hasher, table, each))) {
        verification.found({ ...changedRow({ table, row: nameOf(table, row) }), ...subjectOf(table, row) });
      }
      if (outOfRange !== null) {
        const row = `${nameOf(table, outOfRange)}, with a number that is out of range`;
        verification.found(changedRow({ table, row }));
      }
    }
  }
  await checkSums(verification, hasher);
}

async function checkSums(verification: Verification, hasher: RowHasher): Promise<void> {
  let vaults: SealedValues[] = [];
  for await (const { rows } of pagesOf(verification, "vaults")) {
    vaults.push(...rows);
    if (vaults.length >= vaultsAtOnce) {
      await checkContents(verification, new VaultSums(hasher, vaults));
      vaults = [];
    }
  }
  if (vaults.length > 0) {
    await checkContents(verification, new VaultSums(hasher, vaults));
  }
}

async function checkContents(verification: Verification, sums: VaultSums): Promise<void> {
  for await (const { rows } of pagesOf(verification, "archives")) {
    for (const row of rows) {
      sums.add(row);
    }
  }
  for (const { vault, damaged } of sums.differences()) {
    verification.found({ ...changedRow(damaged), ...subjectOf("vaults", vault) });
  }
}

interface Page {
  readonly rows: readonly SealedValues[];
  /** The key of a row that has a number which JavaScript cannot have: no server has stored it. */
  readonly outOfRange: SealedValues | null;
}

async function* pagesOf(verification: Verification, table: SealedTableName): AsyncGenerator<Page, void, void> {
  const key: readonly string[] = sealedTables[table].key;
  for (let after: readonly RowValue[] | null = null; ; ) {
    const page: Page = await readPage(verification, table, after);
    yield page;
    const last = page.outOfRange ?? page.rows.at(-1);
    if (last === undefined) {
      return;
    }
    const place: readonly RowValue[] = key.map((column) => last[column] as RowValue);
    after = after === null ? place : nextPlace(after, place);
    await verification.step();
  }
}

/** A row with a number that is out of range has a page of its own. */
async function readPage(
  { rows }: Verification,
  table: SealedTableName,
  after: readonly RowValue[] | null,
): Promise<Page> {
  const key = sealedTables[table].key.join();
  const where = after === null ? "" : `WHERE (${key}) > (${after.map((_, index) => `$${index + 1}`).join()})`;
  const select = async (columns: string, limit: number) =>
    (await rows.select(
      `SELECT ${columns} FROM ${table} ${where} ORDER BY ${key} LIMIT ${limit}`,
      after ?? [],
    )) as SealedValues[];
  for (const limit of [pageRows, 1]) {
    try {
      return { rows: await select("*", limit), outOfRange: null };
    } catch (error) {
      if (!isOutOfRange(error)) {
        throw error;
      }
    }
  }
  const [outOfRange = null] = await select(key, 1);
  return { rows: [], outOfRange };
}

type Subject = Pick<Finding, "vault" | "archive" | "upload" | "job">;

/** Returns the things that a row concerns. */
function subjectOf(table: SealedTableName, row: SealedValues): Subject {
  const idOf = (name: string) =>
    unpackId({ head: row[`${name}_head`] as Uint8Array, tail: row[`${name}_tail`] as Uint8Array });
  switch (table) {
    case "vaults":
      return { vault: arnOfRow(row as Record<"account_id" | "region" | "name", unknown>) };
    case "archives":
      return { archive: idOf("id") };
    case "segments":
      return { archive: idOf("owner").length === idLengths.archive ? idOf("owner") : undefined };
    case "uploads":
      return { upload: String(row["id"]), archive: idOf("archive") };
    case "jobs":
      return { job: String(row["id"]) };
    default:
      return {};
  }
}
