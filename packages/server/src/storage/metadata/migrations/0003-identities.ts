import { type Kysely, sql } from "kysely";

/** Users in addition to the account's root, their keys and their policies; and the keys that seal secrets. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createUsers(db);
  await extendAccessKeys(db);
  await db.schema
    .createTable("data_keys")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("wrapped", "blob", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
}

async function createUsers(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("users")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("account_id", "text", (column) => column.notNull().references("accounts.id"))
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("users_by_name").unique().on("users").columns(["account_id", "name"]).execute();
  await db.schema
    .createTable("user_policies")
    .addColumn("user_id", "text", (column) => column.notNull().references("users.id"))
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("document", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("user_policies_by_name", ["user_id", "name"])
    .execute();
}

/** The keys that there are so far are roots', active, and no sessions'. */
async function extendAccessKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("access_keys")
    .addColumn("user_id", "text", (column) => column.references("users.id"))
    .execute();
  await db.schema
    .alterTable("access_keys")
    .addColumn("active", "integer", (column) => column.notNull().defaultTo(1).check(sql`active in (0, 1)`))
    .execute();
  await db.schema.alterTable("access_keys").addColumn("session_token_hash", "blob").execute();
  await db.schema.alterTable("access_keys").addColumn("session_expires_at", "bigint").execute();
  await db.schema
    .createIndex("access_keys_by_user")
    .on("access_keys")
    .columns(["user_id", "created_at", "id"])
    .where(sql.ref("user_id"), "is not", null)
    .execute();
}
