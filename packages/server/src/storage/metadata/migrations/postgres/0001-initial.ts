import { type Kysely, sql } from "kysely";

// The tables as SQLite's migrations up to 0017 leave them, and those of a cluster. A migration never changes once it has been released.

/** Text is compared bytewise, as it is in SQLite, whatever the locale of the database. */
const text = 'text collate "C"';
const empty = `'\\x${"00".repeat(32)}'`;

/** The columns of each table, with its key. Each sealed table has a MAC as well. */
const sealed: Readonly<Record<string, string>> = {
  accounts: `id ${text} primary key, created_at bigint not null`,
  users: `id ${text} primary key, account_id ${text} not null references accounts, name ${text} not null,
    created_at bigint not null`,
  user_policies: `user_id ${text} not null references users, name ${text} not null, document ${text} not null,
    primary key (user_id, name)`,
  access_keys: `id ${text} primary key, account_id ${text} not null references accounts, sealed_secret bytea not null,
    created_at bigint not null, user_id ${text} references users, active smallint not null check (active in (0, 1)),
    session_token_hash bytea, session_expires_at bigint, is_given smallint not null check (is_given in (0, 1))`,
  data_keys: `id ${text} primary key, wrapped bytea not null, created_at bigint not null`,
  vaults: `id ${text} primary key, account_id ${text} not null, region ${text} not null, name ${text} not null,
    created_at bigint not null, archive_count bigint not null check (archive_count >= 0),
    archive_bytes bigint not null check (archive_bytes >= 0), archive_sum bytea not null default ${empty},
    revision bigint not null, access_version bigint not null default 0, inventory_taken_at bigint,
    inventory_revision bigint, inventory_archive_count bigint, inventory_archive_bytes bigint,
    inventory_archive_sum bytea, inventory_newest_at bigint, inventory_due_from bigint, access_policy ${text},
    lock_policy ${text}, lock_id ${text}, lock_state ${text}, lock_created_at bigint, lock_expires_at bigint,
    notification_topic ${text}, notification_events ${text}, tags ${text} not null default '{}',
    check (case
      when lock_state is null then coalesce(lock_policy, lock_id) is null
        and coalesce(lock_created_at, lock_expires_at) is null
      else lock_policy is not null and lock_id is not null and lock_created_at is not null
        and ((lock_state = 'in_progress' and lock_expires_at is not null)
          or (lock_state = 'locked' and lock_expires_at is null))
    end),
    check ((notification_topic is null) = (notification_events is null))`,
  removed_vaults: `id ${text} primary key, removed_at bigint not null`,
  archives: `id_head bytea primary key, id_tail bytea not null, vault_id ${text} not null, description ${text} not null,
    size_bytes bigint not null, tree_hash bytea not null, created_at bigint not null, created_revision bigint not null,
    deleted_at bigint, deleted_revision bigint,
    listed smallint not null check (listed = 1 or (listed = 0 and deleted_at is not null))`,
  segments: `name bytea primary key, owner_head bytea not null, owner_tail bytea not null,
    state ${text} not null check (state in ('pending', 'live', 'suspect', 'deleted', 'dead')), first_byte bigint,
    size_bytes bigint, tree_hash bytea, lease_until bigint, deleted_at bigint`,
  upload_requests: "key bytea primary key, archive_head bytea not null, made_at bigint not null",
  releases: `owner_id ${text} primary key, from_byte bigint not null, released_at bigint not null`,
  uploads: `id ${text} primary key, vault_id ${text} not null, archive_head bytea not null unique,
    archive_tail bytea not null, description ${text} not null, part_size_bytes bigint not null,
    created_at bigint not null, active_at bigint not null,
    state ${text} not null check (state in ('open', 'completed', 'aborted', 'expired')), ended_at bigint,
    parts_revision bigint not null default 0`,
  jobs: `id ${text} primary key, vault_id ${text} not null, account_id ${text} not null, lane ${text} not null,
    action ${text} not null, description ${text}, sns_topic ${text}, created_at bigint not null,
    due_at bigint not null, state ${text} not null check (state in ('in_progress', 'succeeded', 'failed')),
    status_message ${text}, completed_at bigint, lease_until bigint, fence bigint not null, archive_head bytea,
    archive_tail bytea, archive_size_bytes bigint, archive_tree_hash ${text}, archive_description ${text},
    tier ${text}, range_first_byte bigint, range_last_byte bigint, range_tree_hash ${text},
    inventory_format ${text}, inventory_start_date ${text}, inventory_end_date ${text}, inventory_limit ${text},
    inventory_marker ${text}, output_key ${text}, output_size_bytes bigint, output_next_marker ${text}`,
  data_retrieval_policies: `account_id ${text} not null, region ${text} not null,
    strategy ${text} not null check (strategy in ('BytesPerHour', 'FreeTier', 'None')),
    bytes_per_hour ${text} check ((strategy = 'BytesPerHour') = (bytes_per_hour is not null)),
    primary key (account_id, region)`,
  retrieved_bytes: `account_id ${text} not null, region ${text} not null, day ${text} not null, bytes bigint not null,
    primary key (account_id, region, day)`,
  capacity_units: `id ${text} primary key, account_id ${text} not null, region ${text} not null,
    started_at bigint not null, expires_at bigint not null`,
  notifications: `id ${text} primary key, account_id ${text} not null, vault_arn ${text} not null,
    job_id ${text} not null, topic ${text} not null, message ${text} not null, created_at bigint not null,
    due_at bigint not null, give_up_at bigint not null, attempts bigint not null, lease_until bigint,
    fence bigint not null, state ${text} not null check (state in ('pending', 'failed')), failed_at bigint,
    last_error ${text}`,
  trusted_time: `id smallint primary key check (id = 1), high_water bigint not null, monotonic bigint, boot_id ${text},
    boot_time bigint, boot_monotonic bigint, unproven bigint not null default 0`,
  installation: `id smallint primary key check (id = 1), account_id ${text}, region ${text}, unshown_key_id ${text}`,
};

const others: Readonly<Record<string, string>> = {
  jobs_in_progress: `account_id ${text} primary key, count bigint not null`,
  used_signatures: "signature bytea primary key, expires_at bigint not null",
  damage: `owner_id ${text} not null, owner_kind ${text} not null, first_byte bigint not null,
    last_byte bigint not null, segment_key ${text} not null, reason ${text} not null, found_at bigint not null,
    account_id ${text} not null, region ${text} not null, vault_name ${text} not null, description ${text} not null,
    size_bytes bigint not null, primary key (owner_id, first_byte, segment_key)`,
  scrub: `id smallint primary key check (id = 1), cursor_range smallint, cursor_began_at bigint, cursor_after bytea,
    new_read_at bigint`,
  scrub_ranges: "first_byte smallint primary key, read_at bigint not null",
  scrub_queue: "sequence bigint primary key generated always as identity, name bytea not null",
  history: "id smallint primary key check (id = 1), generation bigint not null, opened_at bigint",
  audit_entries: `seq bigint primary key, time bigint not null, account_id ${text}, principal ${text},
    access_key_id ${text}, address ${text}, operation ${text} not null, vault ${text}, subject ${text},
    outcome ${text} not null, reason ${text}, request_id ${text}, hash bytea not null`,
  audit_state: `id smallint primary key check (id = 1), pruned_seq bigint not null, pruned_hash bytea not null,
    logged_seq bigint not null, sealed_key bytea`,
  bound_bucket: `id smallint primary key check (id = 1), binding_id ${text} not null, place ${text} not null,
    is_bound boolean not null`,
  // Each transaction that changes anything locks this row.
  writer_turn: "id smallint primary key check (id = 1)",
  nodes: `id ${text} primary key, host ${text} not null, version ${text} not null, started_at bigint not null,
    seen_at bigint not null, batch bigint not null, requests_in_progress integer not null`,
};

const indexes: readonly string[] = [
  "access_keys_by_account on access_keys (account_id, created_at, id)",
  "access_keys_by_user on access_keys (user_id, created_at, id) where user_id is not null",
  "access_keys_of_root on access_keys (account_id, created_at, id) where user_id is null",
  "archives_leaving on archives (vault_id, deleted_revision) where listed = 1 and deleted_at is not null",
  "archives_listed on archives (vault_id, created_at, id_head) where listed = 1",
  "archives_unlisted on archives (deleted_at) where listed = 0",
  "capacity_units_by_account on capacity_units (account_id, region, expires_at)",
  "damage_of_inventories on damage (owner_id) where owner_kind = 'inventory'",
  "jobs_by_archive on jobs (archive_head) where archive_head is not null",
  "jobs_by_vault on jobs (vault_id, state, created_at desc, id)",
  "jobs_completed on jobs (completed_at) where completed_at is not null",
  "jobs_counted on jobs (vault_id, range_first_byte, range_last_byte) where state = 'in_progress' and tier = 'Standard'",
  "jobs_in_turn on jobs (lane, account_id, due_at, id) where state = 'in_progress' and lease_until is null",
  "jobs_leased on jobs (lane, lease_until) where state = 'in_progress' and lease_until is not null",
  "jobs_listing on jobs (vault_id) where action = 'InventoryRetrieval' and lease_until is not null",
  "jobs_waiting on jobs (lane, due_at) where state = 'in_progress' and lease_until is null",
  "notifications_by_account on notifications (account_id, created_at, id)",
  "notifications_failed on notifications (failed_at) where state = 'failed'",
  "notifications_in_turn on notifications (account_id, due_at, id) where state = 'pending' and lease_until is null",
  "notifications_leased on notifications (lease_until) where state = 'pending' and lease_until is not null",
  "notifications_waiting on notifications (due_at, id) where state = 'pending'",
  "segments_dead on segments (name) where state = 'dead'",
  "segments_deleted on segments (deleted_at, name) where state = 'deleted'",
  "segments_pending on segments (lease_until) where state = 'pending'",
  "upload_requests_by_time on upload_requests (made_at)",
  "uploads_by_vault on uploads (vault_id)",
  "uploads_ended on uploads (ended_at) where ended_at is not null",
  "uploads_listed on uploads (vault_id, created_at, id) where state = 'open'",
  "uploads_open on uploads (active_at) where state = 'open'",
  "used_signatures_expiring on used_signatures (expires_at)",
  "vaults_due on vaults (inventory_due_from) where inventory_due_from is not null",
  "vaults_lock_expiring on vaults (lock_expires_at) where lock_expires_at is not null",
];
const uniqueIndexes: readonly string[] = [
  "segments_by_place on segments (owner_head, first_byte)",
  "users_by_name on users (account_id, name)",
  "vaults_by_name on vaults (account_id, region, name)",
];

export async function up(db: Kysely<unknown>): Promise<void> {
  const statements = [
    ...Object.entries(sealed).map(([table, columns]) => `create table ${table} (mac bytea, ${columns})`),
    ...Object.entries(others).map(([table, columns]) => `create table ${table} (${columns})`),
    ...indexes.map((index) => `create index ${index}`),
    ...uniqueIndexes.map((index) => `create unique index ${index}`),
    "insert into writer_turn (id) values (1)",
    ...counting,
    ...queueing,
  ];
  for (const statement of statements) {
    await sql.raw(statement).execute(db);
  }
}

/** Triggers keep the counts, so that no way of a job to its end can forget them. */
const counting: readonly string[] = [
  `create function count_job_begun() returns trigger language plpgsql as $$ begin
    insert into jobs_in_progress (account_id, count) values (new.account_id, 1)
      on conflict (account_id) do update set count = jobs_in_progress.count + 1;
    return null;
  end $$`,
  `create function count_job_ended() returns trigger language plpgsql as $$ begin
    update jobs_in_progress set count = count - 1 where account_id = old.account_id;
    return null;
  end $$`,
  `create trigger jobs_begun after insert on jobs for each row when (new.state = 'in_progress')
    execute function count_job_begun()`,
  `create trigger jobs_ended after update of state on jobs for each row
    when (old.state = 'in_progress' and new.state <> old.state) execute function count_job_ended()`,
  `create trigger jobs_dropped after delete on jobs for each row when (old.state = 'in_progress')
    execute function count_job_ended()`,
];

/** A trigger, so that no way of a segment into the store can forget it. */
const queueing: readonly string[] = [
  `create function queue_stored_segment() returns trigger language plpgsql as $$ begin
    insert into scrub_queue (name) values (new.name);
    return null;
  end $$`,
  `create trigger segments_stored after update of state on segments for each row
    when (old.state = 'pending' and new.state = 'live') execute function queue_stored_segment()`,
];
