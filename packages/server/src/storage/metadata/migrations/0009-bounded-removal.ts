import { type Kysely, sql } from "kysely";

/**
 * Queues of owners that end at once, and whose rows are deleted in rounds: owners of segments, and vaults. Uploads and jobs may outlive their vault
 * until their round, so they no longer refer to it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("releases")
    .addColumn("owner_id", "text", (column) => column.primaryKey().notNull())
    .addColumn("from_byte", "bigint", (column) => column.notNull())
    .addColumn("released_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("removed_vaults")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("removed_at", "bigint", (column) => column.notNull())
    .execute();
  await dropVaultReference(db, "uploads");
  await dropVaultReference(db, "jobs");
  await db.schema
    .alterTable("uploads")
    .addColumn("parts_revision", "bigint", (column) => column.notNull().defaultTo(0))
    .execute();
  await indexByWhatIsAsked(db);
}

/** Makes indices so that no list and no sum passes over rows that it does not need. */
async function indexByWhatIsAsked(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("uploads_by_vault").execute();
  await db.schema.createIndex("uploads_by_vault").on("uploads").column("vault_id").execute();
  await db.schema
    .createIndex("uploads_listed")
    .on("uploads")
    .columns(["vault_id", "created_at", "id"])
    .where(sql.ref("state"), "=", sql.lit("open"))
    .execute();
  await db.schema.dropIndex("jobs_by_vault").execute();
  await db.schema
    .createIndex("jobs_by_vault")
    .on("jobs")
    .columns(["vault_id", "state", "created_at desc", "id"])
    .execute();
  await db.schema
    .createIndex("jobs_counted")
    .on("jobs")
    .columns(["vault_id", "range_first_byte", "range_last_byte"])
    .where(sql<boolean>`state = 'in_progress' and tier = 'Standard'`)
    .execute();
  await db.schema
    .createIndex("access_keys_of_root")
    .on("access_keys")
    .columns(["account_id", "created_at", "id"])
    .where(sql.ref("user_id"), "is", null)
    .execute();
  await db.schema
    .createIndex("access_keys_unwrapped")
    .on("access_keys")
    .column("id")
    .where(sql<boolean>`substr(sealed_secret, 1, 1) = x'01'`)
    .execute();
}

/** SQLite drops no constraint: the table is made again, with the same columns and indices. */
async function dropVaultReference(db: Kysely<unknown>, table: string): Promise<void> {
  const { rows } = await sql<{ name: string; sql: string }>`
    select name, sql from sqlite_schema where tbl_name = ${table} and sql is not null`.execute(db);
  const definition = rows.find(({ name }) => name === table)?.sql ?? "";
  const unbound = definition
    .replace(/^create table "\w+"/i, 'create table "unbound"')
    .replace(' references "vaults" ("id")', "");
  if (!unbound.startsWith('create table "unbound"') || unbound.includes("references")) {
    throw new Error(`The table ${table} is not defined as expected: ${definition}`);
  }
  await sql.raw(unbound).execute(db);
  await sql`insert into unbound select * from ${sql.table(table)} order by rowid`.execute(db);
  await db.schema.dropTable(table).execute();
  await db.schema.alterTable("unbound").renameTo(table).execute();
  for (const index of rows.filter(({ name }) => name !== table)) {
    await sql.raw(index.sql).execute(db);
  }
}
