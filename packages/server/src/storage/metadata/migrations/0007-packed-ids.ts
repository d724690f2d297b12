import { type Kysely, sql } from "kysely";

/**
 * Keeps what comes with every archive as bytes: ids in two columns, a head that finds a row and a tail that only completes
 * the id, hashes, and keys without the owner's id. Tables are made again, since SQLite cannot change a column's type; each
 * old one goes before the next new one is filled, which then takes its pages.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await packArchives(db);
  await packSegments(db);
  await packUploadRequests(db);
  await packUploads(db);
  await packJobs(db);
  await db.schema.alterTable("vaults").addColumn("inventory_newest_at", "bigint").execute();
}

async function packArchives(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("packed")
    .addColumn("id_head", "blob", (column) => column.notNull())
    .addColumn("id_tail", "blob", (column) => column.notNull())
    .addColumn("vault_id", "text", (column) => column.notNull())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("size_bytes", "bigint", (column) => column.notNull())
    .addColumn("tree_hash", "blob", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_revision", "bigint", (column) => column.notNull())
    .addColumn("deleted_at", "bigint")
    .addColumn("deleted_revision", "bigint")
    .addColumn("listed", "smallint", (column) =>
      column.notNull().check(sql`listed = 1 or (listed = 0 and deleted_at is not null)`),
    )
    .execute();
  // A deleted archive is still listed where the last inventory is older than its deletion.
  await sql`
    insert into packed
      select pack_head(archives.id), pack_tail(archives.id), vault_id, description, size_bytes, unhex(tree_hash),
        archives.created_at, created_revision, deleted_at, deleted_revision,
        deleted_at is null or coalesce(deleted_revision > inventory_revision, 0)
      from archives left join vaults on vaults.id = vault_id
      order by archives.rowid`.execute(db);
  await replaceTable(db, "archives");
  await db.schema.createIndex("archives_by_id").unique().on("archives").column("id_head").execute();
  await db.schema
    .createIndex("archives_listed")
    .on("archives")
    .columns(["vault_id", "created_at", "id_head"])
    .where(sql.ref("listed"), "=", sql.lit(1))
    .execute();
  await db.schema
    .createIndex("archives_leaving")
    .on("archives")
    .columns(["vault_id", "deleted_revision"])
    .where(sql<boolean>`listed = 1 and deleted_at is not null`)
    .execute();
  await db.schema
    .createIndex("archives_unlisted")
    .on("archives")
    .column("deleted_at")
    .where(sql.ref("listed"), "=", sql.lit(0))
    .execute();
}

async function packSegments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("packed")
    .addColumn("name", "blob", (column) => column.notNull())
    .addColumn("owner_head", "blob", (column) => column.notNull())
    .addColumn("owner_tail", "blob", (column) => column.notNull())
    .addColumn("state", "text", (column) =>
      column.notNull().check(sql`state in ('pending', 'live', 'suspect', 'deleted', 'dead')`),
    )
    .addColumn("first_byte", "bigint")
    .addColumn("size_bytes", "bigint")
    .addColumn("tree_hash", "blob")
    .addColumn("lease_until", "bigint")
    .addColumn("deleted_at", "bigint")
    .execute();
  await sql`
    insert into packed
      select pack_key(key), pack_head(owner_id), pack_tail(owner_id), state, first_byte, size_bytes, unhex(tree_hash),
        lease_until, deleted_at
      from segments order by rowid`.execute(db);
  await replaceTable(db, "segments");
  await db.schema.createIndex("segments_by_name").unique().on("segments").column("name").execute();
  await db.schema
    .createIndex("segments_by_place")
    .unique()
    .on("segments")
    .columns(["owner_head", "first_byte"])
    .execute();
  await indexSegmentsByState(db);
}

async function indexSegmentsByState(db: Kysely<unknown>): Promise<void> {
  const states = [
    ["pending", "lease_until"],
    ["deleted", "deleted_at"],
    ["dead", "name"],
  ] as const;
  for (const [state, column] of states) {
    await db.schema
      .createIndex(`segments_${state}`)
      .on("segments")
      .column(column)
      .where(sql.ref("state"), "=", sql.lit(state))
      .execute();
  }
}

async function packUploadRequests(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("packed")
    .addColumn("key", "blob", (column) => column.primaryKey().notNull())
    .addColumn("archive_head", "blob", (column) => column.notNull())
    .addColumn("made_at", "bigint", (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();
  await sql`
    insert into packed select hash_request(key), pack_head(archive_id), made_at from upload_requests`.execute(db);
  await replaceTable(db, "upload_requests");
  await db.schema.createIndex("upload_requests_by_time").on("upload_requests").column("made_at").execute();
}

async function packUploads(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("packed")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("vault_id", "text", (column) => column.notNull().references("vaults.id"))
    .addColumn("archive_head", "blob", (column) => column.notNull().unique())
    .addColumn("archive_tail", "blob", (column) => column.notNull())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("part_size_bytes", "bigint", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("active_at", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) =>
      column.notNull().check(sql`state in ('open', 'completed', 'aborted', 'expired')`),
    )
    .addColumn("ended_at", "bigint")
    .execute();
  await sql`
    insert into packed
      select id, vault_id, pack_head(archive_id), pack_tail(archive_id), description, part_size_bytes, created_at,
        active_at, state, ended_at
      from uploads order by rowid`.execute(db);
  await replaceTable(db, "uploads");
  await db.schema.createIndex("uploads_by_vault").on("uploads").columns(["vault_id", "created_at", "id"]).execute();
  await db.schema
    .createIndex("uploads_open")
    .on("uploads")
    .column("active_at")
    .where(sql.ref("state"), "=", sql.lit("open"))
    .execute();
  await db.schema
    .createIndex("uploads_ended")
    .on("uploads")
    .column("ended_at")
    .where(sql.ref("ended_at"), "is not", null)
    .execute();
}

async function packJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("jobs").addColumn("archive_head", "blob").execute();
  await db.schema.alterTable("jobs").addColumn("archive_tail", "blob").execute();
  await db
    .withTables<{ jobs: { archive_id: string | null; archive_head: Uint8Array; archive_tail: Uint8Array } }>()
    .updateTable("jobs")
    .set({ archive_head: sql`pack_head(archive_id)`, archive_tail: sql`pack_tail(archive_id)` })
    .where("archive_id", "is not", null)
    .execute();
  await db.schema.dropIndex("jobs_by_archive").execute();
  await db.schema.alterTable("jobs").dropColumn("archive_id").execute();
  await db.schema
    .createIndex("jobs_by_archive")
    .on("jobs")
    .column("archive_head")
    .where(sql.ref("archive_head"), "is not", null)
    .execute();
  // An inventory that is being written needs the archives of its revision to stay listed.
  await db.schema
    .createIndex("jobs_listing")
    .on("jobs")
    .column("vault_id")
    .where(sql<boolean>`action = 'InventoryRetrieval' and lease_until is not null`)
    .execute();
}

async function replaceTable(db: Kysely<unknown>, name: string): Promise<void> {
  await db.schema.dropTable(name).execute();
  await db.schema.alterTable("packed").renameTo(name).execute();
}
