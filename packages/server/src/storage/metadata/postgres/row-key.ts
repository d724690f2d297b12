import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";
import { invoke } from "../run-method.ts";
import { changes } from "../statements.ts";
import { useRowKey } from "../tables/row-macs/row-seal.ts";
import { assertNoCopy } from "./copy-mark-row.ts";
import { type NodeDescription, registerNode } from "./node-rows.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/**
 * Opens the key of the rows; the first node makes it, while others that start at the same time wait. Rejects when a copy keeps nodes away, and
 * registers the node in the same turn, so that a copy sees it.
 * @param name of the database, for people.
 */
export async function openRowKey(
  connection: PostgresConnection,
  { name, node }: { readonly name: string; readonly node: NodeDescription },
  open: (sealed: SealedKeys) => Promise<RowSecret>,
): Promise<Uint8Array> {
  await connection.query("begin");
  await connection.query("select id from writer_turn where id = 1 for update");
  await assertNoCopy(connection, name);
  const { rows } = await connection.query("select id, wrapped from data_keys order by created_at desc, id");
  const dataKeys = rows.map((row) => ({ id: String(row["id"]), wrapped: row["wrapped"] as Uint8Array }));
  // No release has kept secrets here without a data key.
  const { key, newDataKey } = await open({ dataKeys, unwrappedSecrets: [] });
  useRowKey(connection.db, key);
  if (newDataKey !== null) {
    const { createdAt: now, ...first } = newDataKey;
    await invoke(changes, "putDataKeys", connection.db, { keys: [first], now });
  }
  await registerNode(connection, node);
  await connection.query("commit");
  return key;
}
