import { type AccountId, adminErrors, adminLimits } from "@moraine/protocol";
import { invariant } from "../../../../domain/invariant.ts";
import type { KeyOfPrincipal, SealedAccessKey, StoredAccessKey } from "../../../../domain/stores/identity-store.ts";
import type { Instant } from "../../../../domain/time/instant.ts";
import type { Changes, Queries } from "../../methods.ts";
import { oneRow, rowsChanged } from "../../prepared.ts";
import { changing, removal, sealedInsertion, sealedRows } from "../row-macs/sealed-rows.ts";
import { notNull } from "../rows.ts";
import type { AccessKeyRow, Database } from "../schema.ts";
import { insertAccount, selectAccount } from "./account-rows.ts";
import { selectKey } from "./key-rows.ts";
import { findUserById, requireUser } from "./user-rows.ts";

export const accessKeyQueries = {
  async findAccessKey(db, accessKeyId) {
    const row = await selectKey(db, { accessKeyId });
    return row === undefined ? null : storedKeyOf(row, await ownerOf(db, row.user_id));
  },

  async listAccessKeys(db, { accountId, userId, after, limit }) {
    const page = { accountId, afterTime: after?.createdAt ?? -1, afterId: after?.id ?? "", limit };
    const rows = userId === null ? await selectRootKeys(db, page) : await selectUserKeys(db, { ...page, userId });
    const owner = rows.length === 0 ? null : await ownerOf(db, userId);
    return rows.map((row) => storedKeyOf(row, owner));
  },
} satisfies Partial<Queries>;

export const accessKeyChanges = {
  async putRootKey(db, key) {
    if ((await selectAccount(db, key)) === undefined) {
      await insertAccount(db, { id: key.accountId, created_at: key.now });
    }
    const row = await selectKey(db, key);
    if (row === undefined) {
      await insertKey(db, rowOf(key, { userId: null, now: key.now }));
      return;
    }
    const isRoots = row.account_id === key.accountId && row.user_id === null;
    invariant(isRoots, "an access key stays with its account's root");
    await setSecret(db, row, { sealed_secret: key.sealedSecret, active: 1 });
  },

  async giveRootKey(db, key) {
    const known = await selectKey(db, key);
    await accessKeyChanges.putRootKey(db, key);
    const { accountId, accessKeyId } = key;
    const others = await selectActiveOfRoot(db, { accountId, accessKeyId });
    const given = others.filter((other) => other.is_given === 1);
    for (const row of await selectGivenOfRoot(db, { accountId, accessKeyId })) {
      await setGiven(db, row, { active: 0, is_given: 0 });
    }
    const row = await selectKey(db, key);
    invariant(row !== undefined, "a key that was put is there");
    await setGiven(db, row, { active: 1, is_given: 1 });
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
    await setActive(db, row, { active: active ? 1 : 0 });
  },

  async removeAccessKey(db, at) {
    const row = await requireKeyOf(db, at);
    await assertNotLastOfRoot(db, row);
    await deleteKey(db, row);
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

async function ownerOf(db: Database, userId: string | null): Promise<StoredAccessKey["user"]> {
  const user = userId === null ? null : await findUserById(db, { userId });
  return user === null ? null : { id: notNull(user?.id ?? null), userName: notNull(user?.name ?? null) };
}

function storedKeyOf(row: AccessKeyRow, user: StoredAccessKey["user"]): StoredAccessKey {
  return {
    accessKeyId: row.id,
    accountId: row.account_id as AccountId,
    sealedSecret: row.sealed_secret,
    user,
    active: row.active === 1,
    createdAt: row.created_at,
    session:
      row.session_expires_at === null
        ? null
        : { tokenHash: notNull(row.session_token_hash), expiresAt: row.session_expires_at },
  };
}

const insertKey = sealedInsertion("access_keys");
const setSecret = changing("access_keys", "sealed_secret", "active");
const setGiven = changing("access_keys", "active", "is_given");
const setActive = changing("access_keys", "active");
const deleteKey = removal("access_keys");

interface KeyPage {
  readonly accountId: string;
  readonly afterTime: Instant;
  readonly afterId: string;
  readonly limit: number;
}

const keyPage = (db: Database, page: KeyPage) =>
  db
    .selectFrom("access_keys")
    .selectAll()
    .where("access_keys.account_id", "=", page.accountId)
    .where("access_keys.session_expires_at", "is", null)
    // The first condition is what the index serves; the second cuts within the time itself.
    .where("access_keys.created_at", ">=", page.afterTime)
    .where((eb) => eb.or([eb("access_keys.created_at", ">", page.afterTime), eb("access_keys.id", ">", page.afterId)]))
    .orderBy("access_keys.created_at")
    .orderBy("access_keys.id")
    .limit(page.limit);

const selectRootKeys = sealedRows("access_keys", (db, page: KeyPage) =>
  keyPage(db, page).where("access_keys.user_id", "is", null),
);

const selectUserKeys = sealedRows("access_keys", (db, page: KeyPage & { userId: string }) =>
  keyPage(db, page).where("access_keys.user_id", "=", page.userId),
);

const selectActiveOfRoot = sealedRows("access_keys", (db, at: { accountId: string; accessKeyId: string }) =>
  db
    .selectFrom("access_keys")
    .selectAll()
    .where("account_id", "=", at.accountId)
    .where("user_id", "is", null)
    .where("active", "=", 1)
    .where("id", "!=", at.accessKeyId),
);

const selectGivenOfRoot = sealedRows("access_keys", (db, at: { accountId: string; accessKeyId: string }) =>
  db
    .selectFrom("access_keys")
    .selectAll()
    .where("account_id", "=", at.accountId)
    .where("user_id", "is", null)
    .where("is_given", "=", 1)
    .where("id", "!=", at.accessKeyId),
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

const deleteKeysOfUser = rowsChanged((db, at: { userId: string }) =>
  db.deleteFrom("access_keys").where("user_id", "=", at.userId),
);

const deleteKeysOfAccount = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("access_keys").where("account_id", "=", at.accountId),
);
