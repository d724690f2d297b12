import type { DatabaseSync } from "node:sqlite";
import type { AccountId } from "@moraine/protocol";
import type { SealedKeys } from "../../../domain/stores/identity-store.ts";

/** Reads what the sealing key has to open, from a database of any version: a new one, and one of the first release, lack tables. */
export function sealedKeysOf(database: DatabaseSync): SealedKeys {
  const tables = new Set(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => name),
  );
  const rowsOf = (table: string, statement: string) => (tables.has(table) ? database.prepare(statement).all() : []);
  const dataKeys = rowsOf("data_keys", "SELECT id, wrapped FROM data_keys ORDER BY created_at DESC, id");
  const unwrapped = rowsOf(
    "access_keys",
    "SELECT id, account_id, sealed_secret FROM access_keys WHERE substr(sealed_secret, 1, 1) = x'01' LIMIT 1",
  );
  return {
    dataKeys: dataKeys.map((row) => ({ id: String(row["id"]), wrapped: row["wrapped"] as Uint8Array })),
    unwrappedSecrets: unwrapped.map((row) => ({
      accessKeyId: String(row["id"]),
      accountId: String(row["account_id"]) as AccountId,
      sealedSecret: row["sealed_secret"] as Uint8Array,
    })),
  };
}
