import { type Kysely, sql } from "kysely";

/** One row: how often the database was opened and closed, to be compared with the marker next to it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("history")
    .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn("generation", "bigint", (column) => column.notNull())
    .addColumn("opened_at", "bigint")
    .execute();
  await sql`insert into history (id, generation) values (1, 0)`.execute(db);
}
