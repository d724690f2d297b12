import { type Kysely, sql } from "kysely";

/** Messages that wait are found by account, so that accounts can take turns, however many messages one of them has. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex("notifications_in_turn")
    .on("notifications")
    .columns(["account_id", "due_at", "id"])
    .where(sql<boolean>`state = 'pending' and lease_until is null`)
    .execute();
  await db.schema
    .createIndex("notifications_leased")
    .on("notifications")
    .columns(["lease_until"])
    .where(sql<boolean>`state = 'pending' and lease_until is not null`)
    .execute();
}
