import { type Kysely, sql } from "kysely";

/** One row: what the time by which policies judge has come to. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("trusted_time")
    .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn("high_water", "bigint", (column) => column.notNull())
    .execute();
}
