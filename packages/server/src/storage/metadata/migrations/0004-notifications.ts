import { type Kysely, sql } from "kysely";

/** Messages that wait until they have arrived. A migration never changes once it has been released. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("notifications")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("vault_arn", "text", (column) => column.notNull())
    .addColumn("job_id", "text", (column) => column.notNull())
    .addColumn("topic", "text", (column) => column.notNull())
    .addColumn("message", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("due_at", "bigint", (column) => column.notNull())
    .addColumn("give_up_at", "bigint", (column) => column.notNull())
    .addColumn("attempts", "bigint", (column) => column.notNull())
    .addColumn("lease_until", "bigint")
    .addColumn("fence", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull().check(sql`state in ('pending', 'failed')`))
    .addColumn("failed_at", "bigint")
    .addColumn("last_error", "text")
    .execute();
  await db.schema
    .createIndex("notifications_by_account")
    .on("notifications")
    .columns(["account_id", "created_at", "id"])
    .execute();
  await db.schema
    .createIndex("notifications_waiting")
    .on("notifications")
    .columns(["due_at", "id"])
    .where(sql.ref("state"), "=", sql.lit("pending"))
    .execute();
  await db.schema
    .createIndex("notifications_failed")
    .on("notifications")
    .column("failed_at")
    .where(sql.ref("state"), "=", sql.lit("failed"))
    .execute();
}
