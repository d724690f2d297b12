import { type Kysely, sql } from "kysely";

/** Places that proved damaged, with what an operator has to know of them: it is shown even if other tables are damaged, too. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("damage")
    .addColumn("owner_id", "text", (column) => column.notNull())
    .addColumn("owner_kind", "text", (column) => column.notNull())
    .addColumn("first_byte", "bigint", (column) => column.notNull())
    .addColumn("last_byte", "bigint", (column) => column.notNull())
    .addColumn("segment_key", "text", (column) => column.notNull())
    .addColumn("reason", "text", (column) => column.notNull())
    .addColumn("found_at", "bigint", (column) => column.notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("vault_name", "text", (column) => column.notNull())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("size_bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("damage_by_place", ["owner_id", "first_byte", "segment_key"])
    .execute();
  await db.schema
    .createIndex("damage_of_inventories")
    .on("damage")
    .column("owner_id")
    .where(sql.ref("owner_kind"), "=", sql.lit("inventory"))
    .execute();
}
