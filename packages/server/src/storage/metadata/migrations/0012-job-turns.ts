import { type Kysely, sql } from "kysely";

/** Jobs that wait are found by lane and account, so that accounts can take turns, however many jobs one of them has. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("jobs")
    .addColumn("account_id", "text", (column) => column.notNull().defaultTo(""))
    .execute();
  await db.schema
    .alterTable("jobs")
    .addColumn("lane", "text", (column) => column.notNull().defaultTo("large"))
    .execute();
  await db
    .withTables<{ jobs: { account_id: string; lane: string } }>()
    .updateTable("jobs")
    .set({
      account_id: sql`coalesce((select account_id from vaults where vaults.id = jobs.vault_id), '')`,
      lane: sql`case
        when action = 'InventoryRetrieval' then 'inventory'
        when tier = 'Expedited' then 'expedited'
        when range_last_byte - range_first_byte < 67108864 then 'small'
        else 'large' end`,
    })
    .execute();
  await db.schema.dropIndex("jobs_waiting").execute();
  const isWaiting = sql<boolean>`state = 'in_progress' and lease_until is null`;
  await db.schema.createIndex("jobs_waiting").on("jobs").columns(["lane", "due_at"]).where(isWaiting).execute();
  await db.schema
    .createIndex("jobs_in_turn")
    .on("jobs")
    .columns(["lane", "account_id", "due_at", "id"])
    .where(isWaiting)
    .execute();
  await db.schema
    .createIndex("jobs_leased")
    .on("jobs")
    .columns(["lane", "lease_until"])
    .where(sql<boolean>`state = 'in_progress' and lease_until is not null`)
    .execute();
  await countInProgress(db);
}

/** Triggers keep the counts, so that no way of a job to its end can forget them. */
async function countInProgress(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("jobs_in_progress")
    .addColumn("account_id", "text", (column) => column.primaryKey().notNull())
    .addColumn("count", "bigint", (column) => column.notNull())
    .execute();
  await sql`
    insert into jobs_in_progress (account_id, count)
      select account_id, count(*) from jobs where state = 'in_progress' group by account_id`.execute(db);
  await sql`
    create trigger jobs_begun after insert on jobs when new.state = 'in_progress' begin
      insert into jobs_in_progress (account_id, count) values (new.account_id, 1)
        on conflict (account_id) do update set count = count + 1;
    end`.execute(db);
  await sql`
    create trigger jobs_ended after update of state on jobs when old.state = 'in_progress' and new.state <> old.state begin
      update jobs_in_progress set count = count - 1 where account_id = old.account_id;
    end`.execute(db);
  await sql`
    create trigger jobs_dropped after delete on jobs when old.state = 'in_progress' begin
      update jobs_in_progress set count = count - 1 where account_id = old.account_id;
    end`.execute(db);
}
