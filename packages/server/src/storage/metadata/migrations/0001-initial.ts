import { type Kysely, sql } from "kysely";

/** The schema of the first release. A migration never changes once it has been released. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createCredentials(db);
  await createVaults(db);
  await createArchives(db);
  await createUploadRequests(db);
  await createSegments(db);
  await createUploads(db);
  await createJobs(db);
}

async function createCredentials(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("accounts")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("access_keys")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
    .addColumn("sealed_secret", "blob", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex("access_keys_by_account")
    .on("access_keys")
    .columns(["account_id", "created_at", "id"])
    .execute();
}

async function createVaults(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("vaults")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("archive_count", "bigint", (column) => column.notNull().check(sql`archive_count >= 0`))
    .addColumn("archive_bytes", "bigint", (column) => column.notNull().check(sql`archive_bytes >= 0`))
    .addColumn("revision", "bigint", (column) => column.notNull())
    .addColumn("inventory_taken_at", "bigint")
    .addColumn("inventory_revision", "bigint")
    .addColumn("inventory_archive_count", "bigint")
    .addColumn("inventory_archive_bytes", "bigint")
    .addColumn("inventory_due_from", "bigint")
    .execute();
  await db.schema
    .createIndex("vaults_by_name")
    .unique()
    .on("vaults")
    .columns(["account_id", "region", "name"])
    .execute();
  await db.schema
    .createIndex("vaults_due")
    .on("vaults")
    .column("inventory_due_from")
    .where(sql.ref("inventory_due_from"), "is not", null)
    .execute();
}

async function createUploadRequests(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("upload_requests")
    .addColumn("key", "text", (column) => column.primaryKey().notNull())
    .addColumn("archive_id", "text", (column) => column.notNull())
    .addColumn("made_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("upload_requests_by_time").on("upload_requests").column("made_at").execute();
}

/** No reference to the vault: rows of deleted archives outlive it, so that removing a vault does not cost their number. */
async function createArchives(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("archives")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("vault_id", "text", (column) => column.notNull())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("size_bytes", "bigint", (column) => column.notNull())
    .addColumn("tree_hash", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_revision", "bigint", (column) => column.notNull())
    .addColumn("deleted_at", "bigint")
    .addColumn("deleted_revision", "bigint")
    .execute();
  // The index has the revisions, so that rows which an inventory leaves out are skipped within it.
  await db.schema
    .createIndex("archives_by_vault")
    .on("archives")
    .columns(["vault_id", "created_at", "id", "created_revision", "deleted_revision"])
    .execute();
}

async function createSegments(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("segments")
    .addColumn("key", "text", (column) => column.primaryKey().notNull())
    .addColumn("owner_id", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) =>
      column.notNull().check(sql`state in ('pending', 'live', 'suspect', 'deleted', 'dead')`),
    )
    .addColumn("first_byte", "bigint")
    .addColumn("size_bytes", "bigint")
    .addColumn("tree_hash", "text")
    .addColumn("lease_until", "bigint")
    .addColumn("deleted_at", "bigint")
    .execute();
  await db.schema
    .createIndex("segments_by_place")
    .unique()
    .on("segments")
    .columns(["owner_id", "first_byte"])
    .execute();
  await db.schema
    .createIndex("segments_pending")
    .on("segments")
    .column("lease_until")
    .where(sql.ref("state"), "=", sql.lit("pending"))
    .execute();
  await db.schema
    .createIndex("segments_deleted")
    .on("segments")
    .column("deleted_at")
    .where(sql.ref("state"), "=", sql.lit("deleted"))
    .execute();
  await db.schema
    .createIndex("segments_dead")
    .on("segments")
    .column("key")
    .where(sql.ref("state"), "=", sql.lit("dead"))
    .execute();
}

async function createUploads(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("uploads")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("vault_id", "text", (column) => column.notNull().references("vaults.id"))
    .addColumn("archive_id", "text", (column) => column.notNull().unique())
    .addColumn("description", "text", (column) => column.notNull())
    .addColumn("part_size_bytes", "bigint", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("active_at", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) =>
      column.notNull().check(sql`state in ('open', 'completed', 'aborted', 'expired')`),
    )
    .addColumn("ended_at", "bigint")
    .execute();
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

async function createJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("jobs")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("vault_id", "text", (column) => column.notNull().references("vaults.id"))
    .addColumn("action", "text", (column) => column.notNull())
    .addColumn("description", "text")
    .addColumn("sns_topic", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("due_at", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) =>
      column.notNull().check(sql`state in ('in_progress', 'succeeded', 'failed')`),
    )
    .addColumn("status_message", "text")
    .addColumn("completed_at", "bigint")
    .addColumn("lease_until", "bigint")
    .addColumn("fence", "bigint", (column) => column.notNull())
    .addColumn("archive_id", "text")
    .addColumn("archive_size_bytes", "bigint")
    .addColumn("archive_tree_hash", "text")
    .addColumn("archive_description", "text")
    .addColumn("tier", "text")
    .addColumn("range_first_byte", "bigint")
    .addColumn("range_last_byte", "bigint")
    .addColumn("range_tree_hash", "text")
    .addColumn("inventory_format", "text")
    .addColumn("inventory_start_date", "text")
    .addColumn("inventory_end_date", "text")
    .addColumn("inventory_limit", "text")
    .addColumn("inventory_marker", "text")
    .addColumn("output_key", "text")
    .addColumn("output_size_bytes", "bigint")
    .addColumn("output_next_marker", "text")
    .execute();
  await indexJobs(db);
}

async function indexJobs(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("jobs_by_vault").on("jobs").columns(["vault_id", "created_at desc", "id"]).execute();
  await db.schema
    .createIndex("jobs_waiting")
    .on("jobs")
    .columns(["due_at", "id"])
    .where(sql.ref("state"), "=", sql.lit("in_progress"))
    .execute();
  await db.schema
    .createIndex("jobs_completed")
    .on("jobs")
    .column("completed_at")
    .where(sql.ref("completed_at"), "is not", null)
    .execute();
  await db.schema
    .createIndex("jobs_by_archive")
    .on("jobs")
    .column("archive_id")
    .where(sql.ref("archive_id"), "is not", null)
    .execute();
}
