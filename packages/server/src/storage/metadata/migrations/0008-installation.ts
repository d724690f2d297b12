import { type Kysely, sql } from "kysely";

/**
 * One row: the account and the region that the folder belongs to. An older folder belongs to the account that was there
 * first, whose root the first start made, and to the region of its vaults. Where they are of several regions, or there is
 * none, the next start decides.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await orderDeletedSegments(db);
  await db.schema
    .createTable("installation")
    .addColumn("id", "integer", (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn("account_id", "text")
    .addColumn("region", "text")
    .addColumn("unshown_key_id", "text")
    .execute();
  await sql`
    INSERT INTO installation (id, account_id, region)
    SELECT
      1,
      (SELECT id FROM accounts ORDER BY created_at, id LIMIT 1),
      (SELECT min(region) FROM vaults HAVING count(DISTINCT region) = 1)`.execute(db);
}

/** By time and then name, so that pages of them need no sort however many were deleted at once. */
async function orderDeletedSegments(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex("segments_deleted").execute();
  await db.schema
    .createIndex("segments_deleted")
    .on("segments")
    .columns(["deleted_at", "name"])
    .where(sql.ref("state"), "=", sql.lit("deleted"))
    .execute();
}
