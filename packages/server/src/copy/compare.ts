import { createHash, hash } from "node:crypto";
import { AuditChainCheck, type ChainPlace, chainOrigin } from "@moraine/protocol";
import { copiedTables, type StoredRow, type StoredTable, textOfRow } from "../storage/metadata/table-rows.ts";
import { entryOf } from "../storage/metadata/tables/audit.ts";
import { hexOf } from "../storage/metadata/tables/audit-chain.ts";
import type { AuditEntryRow, Database } from "../storage/metadata/tables/schema.ts";
import { rowPages } from "./copy-rows.ts";

/** All rows of a table, in the order of their keys. */
export interface TableDigest {
  readonly table: string;
  readonly rows: number;
  readonly sha256: string;
}

/** Reads all rows of both databases. Resolves to the digests of the tables, and to what differs, for people. */
export async function compareTables(
  source: Database,
  target: Database,
): Promise<{ readonly tables: readonly TableDigest[]; readonly differing: readonly string[] }> {
  const tables: TableDigest[] = [];
  const differing: string[] = [];
  for (const table of copiedTables) {
    const [one, other] = [await digestOf(source, table), await digestOf(target, table)];
    tables.push(other);
    if (one.rows !== other.rows || one.sha256 !== other.sha256) {
      differing.push(`${table.name} has ${one.rows} rows at the source, and ${other.rows} in the copy`);
    }
  }
  return { tables, differing };
}

async function digestOf(db: Database, table: StoredTable): Promise<TableDigest> {
  const digest = createHash("sha256");
  let count = 0;
  for await (const rows of rowPages(db, table)) {
    count += rows.length;
    digest.update(rows.map((row) => `${textOfRow(row)}\n`).join(""));
  }
  return { table: table.name, rows: count, sha256: digest.digest("hex") };
}

/** Follows the chain of the audit trail. Resolves to its faults, for people. */
export async function auditFaults(db: Database): Promise<readonly string[]> {
  const [state] = (await rowPages(db, tableNamed("audit_state")).next()).value ?? [];
  const check = new AuditChainCheck((text) => hash("sha256", text), prunedPlace(state));
  for await (const rows of rowPages(db, tableNamed("audit_entries"))) {
    for (const row of rows) {
      check.push(entryOf(row as unknown as AuditEntryRow));
    }
  }
  return check.finish().findings;
}

const tableNamed = (name: string): StoredTable => copiedTables.find((table) => table.name === name) as StoredTable;

const prunedPlace = (state: StoredRow | undefined): ChainPlace =>
  state === undefined ? chainOrigin : { sequence: Number(state["pruned_seq"]), hash: hexOf(state["pruned_hash"]) };
