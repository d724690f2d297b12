import { type AccountId, adminErrors, adminLimits } from "@moraine/protocol";
import { invariant } from "../../../../domain/invariant.ts";
import type { KeyOfPrincipal, SealedAccessKey, StoredAccessKey } from "../../../../domain/stores/identity-store.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import type { Changes, Queries } from "../../sqlite/methods.ts";
import { insertion, manyRows, oneRow, rowsChanged } from "../../sqlite/prepared.ts";
import { notNull } from "../rows.ts";
import type { AccessKeyRow, Database } from "../schema.ts";
import { requireUser } from "./user-rows.ts";

export const accessKeyQueries = {
  async findAccessKey(db, accessKeyId) {
    const row = await selectKey(db, { accessKeyId });
    return row === undefined ? null : storedKeyOf(row);
  },

  async listAccessKeys(db, { accountId, userId, after, limit }) {
    const page = { accountId, afterTime: after?.createdAt ?? -1, afterId: after?.id ?? "", limit };
    const rows = userId === null ? await selectRootKeys(db, page) : await selectUserKeys(db, { ...page, userId });
    return rows.map(storedKeyOf);
  },
} satisfies Partial<Queries>;

export const accessKeyChanges = {
  async putRootKey(db, key) {
    await insertAccountOnce(db, key);
    const changed = await upsertRootKey(db, key);
    invariant(changed === 1, "an access key stays with its account's root");
  },

  async giveRootKey(db, key) {
    const known = await selectKey(db, key);
    await accessKeyChanges.putRootKey(db, key);
    const { accountId, accessKeyId } = key;
    const others = await selectActiveOfRoot(db, { accountId, accessKeyId });
    const given = others.filter((other) => other.is_given === 1);
    await replaceGiven(db, { accountId, accessKeyId });
    await markGiven(db, { accessKeyId });
    const left = others.filter((other) => other.is_given === 0);
    return { replaced: idsOf(given), others: known?.is_given === 1 ? [] : idsOf(left) };
  },

  async addAccessKey(db, { key, userName, now }) {
    const userId = await userIdOf(db, { accountId: key.accountId, userName });
    await assertRoomForActive(db, { accountId: key.accountId, userId });
    await insertKey(db, rowOf(key, { userId, now }));
  },

  async addSession(db, { key, userName, session, issuedAt, forgetBefore }) {
    const { id: userId } = await requireUser(db, { accountId: key.accountId, userName });
    await deleteSessionsExpiredBefore(db, { userId, forgetBefore });
    const sessions = await countSessions(db, { userId });
    if (Number(sessions?.count) >= adminLimits.sessionsPerUserMax) {
      throw adminErrors.tooManySessions(adminLimits.sessionsPerUserMax);
    }
    await insertKey(db, {
      ...rowOf(key, { userId, now: issuedAt }),
      session_token_hash: session.tokenHash,
      session_expires_at: session.expiresAt,
    });
  },

  async setAccessKeyActive(db, { active, ...at }) {
    const row = await requireKeyOf(db, at);
    if (row.session_expires_at !== null) {
      throw adminErrors.accessKeyNotFound(at.accessKeyId);
    }
    if (active && row.active === 0) {
      await assertRoomForActive(db, { accountId: at.accountId, userId: row.user_id });
    } else if (!active) {
      await assertNotLastOfRoot(db, row);
    }
    await updateActive(db, { accessKeyId: row.id, active: active ? 1 : 0 });
  },

  async removeAccessKey(db, at) {
    const row = await requireKeyOf(db, at);
    await assertNotLastOfRoot(db, row);
    await deleteKey(db, { accessKeyId: row.id });
  },
} satisfies Partial<Changes>;

export async function insertRootKey(db: Database, { key, now }: { key: SealedAccessKey; now: Instant }): Promise<void> {
  await insertKey(db, rowOf(key, { userId: null, now }));
}

export async function removeKeysOfUser(db: Database, at: { userId: string }): Promise<void> {
  await deleteKeysOfUser(db, at);
}

export async function removeKeysOfAccount(db: Database, at: { accountId: string }): Promise<void> {
  await deleteKeysOfAccount(db, at);
}

interface Owner {
  readonly accountId: AccountId;
  /** Null is the root. */
  readonly userId: string | null;
}

async function userIdOf(db: Database, at: { accountId: AccountId; userName: string | null }): Promise<string | null> {
  const { accountId, userName } = at;
  return userName === null ? null : (await requireUser(db, { accountId, userName })).id;
}

async function requireKeyOf(db: Database, { accountId, accessKeyId, userName }: KeyOfPrincipal): Promise<AccessKeyRow> {
  const userId = await userIdOf(db, { accountId, userName });
  const row = await selectKey(db, { accessKeyId });
  if (row === undefined || row.account_id !== accountId || row.user_id !== userId) {
    throw adminErrors.accessKeyNotFound(accessKeyId);
  }
  return row;
}

async function assertRoomForActive(db: Database, { accountId, userId }: Owner): Promise<void> {
  const active = userId === null ? await countActiveOfRoot(db, { accountId }) : await countActiveOfUser(db, { userId });
  if (Number(active?.count) >= adminLimits.activeKeysMax) {
    throw adminErrors.tooManyKeys(adminLimits.activeKeysMax);
  }
}

/** Without an active key of its root nobody could manage the account any more. */
async function assertNotLastOfRoot(db: Database, row: AccessKeyRow): Promise<void> {
  if (row.user_id === null && row.active === 1) {
    const active = await countActiveOfRoot(db, { accountId: row.account_id });
    if (Number(active?.count) <= 1) {
      throw adminErrors.lastRootKey(row.id);
    }
  }
}

function rowOf(key: SealedAccessKey, { userId, now }: { userId: string | null; now: Instant }): AccessKeyRow {
  return {
    id: key.accessKeyId,
    account_id: key.accountId,
    sealed_secret: key.sealedSecret,
    created_at: now,
    user_id: userId,
    active: 1,
    session_token_hash: null,
    session_expires_at: null,
    is_given: 0,
  };
}

const bytewise = (a: string, b: string): number => (a < b ? -1 : 1);
const idsOf = (rows: ReadonlyArray<{ readonly id: string }>): string[] => rows.map(({ id }) => id).sort(bytewise);

function storedKeyOf(row: AccessKeyRow & { user_name: string | null }): StoredAccessKey {
  return {
    accessKeyId: row.id,
    accountId: row.account_id as AccountId,
    sealedSecret: row.sealed_secret,
    user: row.user_id === null ? null : { id: row.user_id, userName: notNull(row.user_name) },
    active: row.active === 1,
    createdAt: row.created_at,
    session:
      row.session_expires_at === null
        ? null
        : { tokenHash: notNull(row.session_token_hash), expiresAt: row.session_expires_at },
  };
}

const insertKey = insertion("access_keys");

const withUserName = (db: Database) =>
  db
    .selectFrom("access_keys")
    .leftJoin("users", "users.id", "access_keys.user_id")
    .selectAll("access_keys")
    .select("users.name as user_name");

const selectKey = oneRow((db, at: { accessKeyId: string }) =>
  withUserName(db).where("access_keys.id", "=", at.accessKeyId),
);

interface KeyPage {
  readonly accountId: string;
  readonly afterTime: Instant;
  readonly afterId: string;
  readonly limit: number;
}

const keyPage = (db: Database, page: KeyPage) =>
  withUserName(db)
    .where("access_keys.account_id", "=", page.accountId)
    .where("access_keys.session_expires_at", "is", null)
    // The first condition is what the index serves; the second cuts within the time itself.
    .where("access_keys.created_at", ">=", page.afterTime)
    .where((eb) => eb.or([eb("access_keys.created_at", ">", page.afterTime), eb("access_keys.id", ">", page.afterId)]))
    .orderBy("access_keys.created_at")
    .orderBy("access_keys.id")
    .limit(page.limit);

const selectRootKeys = manyRows((db, page: KeyPage) => keyPage(db, page).where("access_keys.user_id", "is", null));

const selectUserKeys = manyRows((db, page: KeyPage & { userId: string }) =>
  keyPage(db, page).where("access_keys.user_id", "=", page.userId),
);

const insertAccountOnce = rowsChanged((db, key: { accountId: string; now: Instant }) =>
  db
    .insertInto("accounts")
    .values({ id: key.accountId, created_at: key.now })
    .onConflict((conflict) => conflict.column("id").doNothing()),
);

const upsertRootKey = rowsChanged((db, key: SealedAccessKey & { now: Instant }) =>
  db
    .insertInto("access_keys")
    .values({
      id: key.accessKeyId,
      account_id: key.accountId,
      sealed_secret: key.sealedSecret,
      created_at: key.now,
      user_id: null,
      active: 1,
      session_token_hash: null,
      session_expires_at: null,
      is_given: 0,
    })
    .onConflict((conflict) =>
      conflict
        .column("id")
        .doUpdateSet({ sealed_secret: key.sealedSecret, active: 1 })
        .where("access_keys.account_id", "=", key.accountId)
        .where("access_keys.user_id", "is", null),
    ),
);

const selectActiveOfRoot = manyRows((db, at: { accountId: string; accessKeyId: string }) =>
  db
    .selectFrom("access_keys")
    .select(["id", "is_given"])
    .where("account_id", "=", at.accountId)
    .where("user_id", "is", null)
    .where("active", "=", 1)
    .where("id", "!=", at.accessKeyId),
);

const replaceGiven = rowsChanged((db, at: { accountId: string; accessKeyId: string }) =>
  db
    .updateTable("access_keys")
    .set({ active: 0, is_given: 0 })
    .where("account_id", "=", at.accountId)
    .where("user_id", "is", null)
    .where("is_given", "=", 1)
    .where("id", "!=", at.accessKeyId),
);

const markGiven = rowsChanged((db, at: { accessKeyId: string }) =>
  db.updateTable("access_keys").set({ is_given: 1 }).where("id", "=", at.accessKeyId),
);

const countActive = (db: Database) =>
  db
    .selectFrom("access_keys")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("active", "=", 1)
    .where("session_expires_at", "is", null);

const countActiveOfRoot = oneRow((db, at: { accountId: string }) =>
  countActive(db).where("account_id", "=", at.accountId).where("user_id", "is", null),
);

const countActiveOfUser = oneRow((db, at: { userId: string }) => countActive(db).where("user_id", "=", at.userId));

const countSessions = oneRow((db, at: { userId: string }) =>
  db
    .selectFrom("access_keys")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("user_id", "=", at.userId)
    .where("session_expires_at", "is not", null),
);

const deleteSessionsExpiredBefore = rowsChanged((db, at: { userId: string; forgetBefore: Instant }) =>
  db.deleteFrom("access_keys").where("user_id", "=", at.userId).where("session_expires_at", "<", at.forgetBefore),
);

const updateActive = rowsChanged((db, change: { accessKeyId: string; active: 0 | 1 }) =>
  db.updateTable("access_keys").set({ active: change.active }).where("id", "=", change.accessKeyId),
);

const deleteKey = rowsChanged((db, at: { accessKeyId: string }) =>
  db.deleteFrom("access_keys").where("id", "=", at.accessKeyId),
);

const deleteKeysOfUser = rowsChanged((db, at: { userId: string }) =>
  db.deleteFrom("access_keys").where("user_id", "=", at.userId),
);

const deleteKeysOfAccount = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("access_keys").where("account_id", "=", at.accountId),
);
