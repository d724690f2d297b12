import { type Kysely, type RawBuilder, sql } from "kysely";

/** Settings of owners: on vaults as columns of their rows, on accounts in tables of their own. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await addVaultSettings(db);
  await createAccountSettings(db);
}

async function addVaultSettings(db: Kysely<unknown>): Promise<void> {
  await addColumn(db, "access_policy", "text");
  await addColumn(db, "lock_policy", "text");
  await addColumn(db, "lock_id", "text");
  await addColumn(db, "lock_created_at", "bigint");
  await addColumn(db, "lock_expires_at", "bigint");
  // The last of the lock's columns, so that it can say which of them each state has.
  await addColumn(
    db,
    "lock_state",
    "text",
    sql`case
      when lock_state is null then coalesce(lock_policy, lock_id, lock_created_at, lock_expires_at) is null
      else lock_policy is not null and lock_id is not null and lock_created_at is not null
        and ((lock_state = 'in_progress' and lock_expires_at is not null)
          or (lock_state = 'locked' and lock_expires_at is null))
    end`,
  );
  await addColumn(db, "notification_topic", "text");
  await addColumn(db, "notification_events", "text", sql`(notification_topic is null) = (notification_events is null)`);
  await db.schema
    .alterTable("vaults")
    .addColumn("tags", "text", (column) => column.notNull().defaultTo("{}"))
    .execute();
  await db.schema
    .createIndex("vaults_lock_expiring")
    .on("vaults")
    .column("lock_expires_at")
    .where(sql.ref("lock_expires_at"), "is not", null)
    .execute();
}

/** SQLite adds one column at a time. */
async function addColumn(
  db: Kysely<unknown>,
  name: string,
  type: "text" | "bigint",
  check?: RawBuilder<unknown>,
): Promise<void> {
  await db.schema
    .alterTable("vaults")
    .addColumn(name, type, (column) => (check === undefined ? column : column.check(check)))
    .execute();
}

async function createAccountSettings(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("data_retrieval_policies")
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("strategy", "text", (column) =>
      column.notNull().check(sql`strategy in ('BytesPerHour', 'FreeTier', 'None')`),
    )
    .addColumn("bytes_per_hour", "text", (column) =>
      column.check(sql`(strategy = 'BytesPerHour') = (bytes_per_hour is not null)`),
    )
    .addPrimaryKeyConstraint("data_retrieval_policies_of", ["account_id", "region"])
    .execute();
  await db.schema
    .createTable("retrieved_bytes")
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("day", "text", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("retrieved_bytes_of", ["account_id", "region", "day"])
    .execute();
  await db.schema
    .createTable("capacity_units")
    .addColumn("id", "text", (column) => column.primaryKey().notNull())
    .addColumn("account_id", "text", (column) => column.notNull())
    .addColumn("region", "text", (column) => column.notNull())
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex("capacity_units_by_account")
    .on("capacity_units")
    .columns(["account_id", "region", "expires_at"])
    .execute();
}
