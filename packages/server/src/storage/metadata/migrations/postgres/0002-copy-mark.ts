import { type Kysely, sql } from "kysely";

/** Keeps nodes away from the source and the target of a copy. Nodes of the version before do not look at it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create table copy_mark (id smallint primary key check (id = 1), copy_id text not null,
    state text not null check (state in ('incomplete', 'moved')), other text not null, marked_at bigint not null,
    is_filled boolean not null)`.execute(db);
}
