import { type Kysely, sql } from "kysely";

/** Keeps how far the scrub is: its cursor, when each part of the store was read last, and the segments that are new. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("scrub")
    .addColumn("id", "smallint", (column) => column.primaryKey().notNull().check(sql`id = 1`))
    .addColumn("cursor_range", "smallint")
    .addColumn("cursor_began_at", "bigint")
    .addColumn("cursor_after", "blob")
    .addColumn("new_read_at", "bigint")
    .execute();
  await db.schema
    .createTable("scrub_ranges")
    .addColumn("first_byte", "integer", (column) => column.primaryKey().notNull())
    .addColumn("read_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("scrub_queue")
    .addColumn("sequence", "integer", (column) => column.primaryKey().notNull())
    .addColumn("name", "blob", (column) => column.notNull())
    .execute();
  // A trigger, so that no way of a segment into the store can forget it.
  await sql`
    create trigger segments_stored after update of state on segments when old.state = 'pending' and new.state = 'live' begin
      insert into scrub_queue (name) values (new.name);
    end`.execute(db);
}
