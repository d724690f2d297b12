import { type Kysely, sql } from "kysely";

/**
 * Adds what permissions are bound to: the version of a vault's row, the origin of a root's key, the signatures that were used, and how
 * far the clock was believed.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("vaults")
    .addColumn("access_version", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable("access_keys")
    .addColumn("is_given", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable("used_signatures")
    .addColumn("signature", "blob", (column) => column.primaryKey().notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  await db.schema.createIndex("used_signatures_expiring").on("used_signatures").column("expires_at").execute();
  for (const column of ["boot_time", "boot_monotonic", "monotonic"]) {
    await db.schema.alterTable("trusted_time").addColumn(column, "bigint").execute();
  }
  await db.schema.alterTable("trusted_time").addColumn("boot_id", "text").execute();
  await db.schema
    .alterTable("trusted_time")
    .addColumn("unproven", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
}
