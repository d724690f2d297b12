import { type Kysely, sql } from "kysely";

/** The audit trail, and what is known of it in addition to its entries. The key is the row's number: a new entry goes to the end of the table. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("audit_entries")
    .addColumn("seq", "integer", (column) => column.primaryKey())
    .addColumn("time", "bigint", (column) => column.notNull())
    .addColumn("account_id", "text")
    .addColumn("principal", "text")
    .addColumn("access_key_id", "text")
    .addColumn("address", "text")
    .addColumn("operation", "text", (column) => column.notNull())
    .addColumn("vault", "text")
    .addColumn("subject", "text")
    .addColumn("outcome", "text", (column) => column.notNull())
    .addColumn("reason", "text")
    .addColumn("request_id", "text")
    .addColumn("hash", "blob", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("audit_state")
    .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn("pruned_seq", "bigint", (column) => column.notNull())
    .addColumn("pruned_hash", "blob", (column) => column.notNull())
    .addColumn("logged_seq", "bigint", (column) => column.notNull())
    .addColumn("sealed_key", "blob")
    .execute();
}
