import { type AccountId, adminErrors, adminLimits } from "@moraine/protocol";
import { sql } from "kysely";
import type { User, UserKey } from "../../../../domain/stores/identity-store.ts";
import type { Changes, Queries } from "../../methods.ts";
import { oneRow, rowsChanged } from "../../prepared.ts";
import { changing, sealedInsertion, sealedRow, sealedRows } from "../row-macs/sealed-rows.ts";
import type { Database, UserRow } from "../schema.ts";
import { removeKeysOfUser } from "./access-keys.ts";
import { findUserRow, requireUser } from "./user-rows.ts";

export const userQueries = {
  async findUser(db, name) {
    const row = await findUserRow(db, name);
    return row === undefined ? null : userOf(row);
  },

  async listUsers(db, page) {
    const rows = await selectUsers(db, { ...page, afterName: page.afterName ?? "" });
    return rows.map(userOf);
  },

  async userPolicies(db, userId) {
    const rows = await selectPolicies(db, { userId });
    return rows.map(({ name, document }) => ({ policyName: name, document }));
  },
} satisfies Partial<Queries>;

export const userChanges = {
  async createUser(db, user) {
    if ((await findUserRow(db, user)) !== undefined) {
      throw adminErrors.userExists(user.userName);
    }
    await insertUser(db, {
      id: user.id,
      account_id: user.accountId,
      name: user.userName,
      created_at: user.createdAt,
    });
  },

  async removeUser(db, name) {
    const { id } = await requireUser(db, name);
    await removeKeysOfUser(db, { userId: id });
    await deletePolicies(db, { userId: id });
    await deleteUser(db, { userId: id });
  },

  async putUserPolicy(db, { user, policy: { policyName, document } }) {
    const { id: userId } = await requireUser(db, user);
    const others = await sumOtherPolicies(db, { userId, policyName });
    if (Number(others?.size ?? 0) + Buffer.byteLength(document) > adminLimits.userPoliciesSizeBytesMax) {
      throw adminErrors.policiesTooLarge(adminLimits.userPoliciesSizeBytesMax);
    }
    const policy = await selectPolicy(db, { userId, policyName });
    if (policy !== undefined) {
      await changePolicy(db, policy, { document });
      return;
    }
    const existing = await countPolicies(db, { userId });
    if (Number(existing?.count) >= adminLimits.policiesPerUserMax) {
      throw adminErrors.tooManyPolicies(adminLimits.policiesPerUserMax);
    }
    await insertPolicy(db, { user_id: userId, name: policyName, document });
  },

  async removeUserPolicy(db, { user, policyName }) {
    const { id: userId } = await requireUser(db, user);
    if ((await deletePolicy(db, { userId, policyName })) === 0) {
      throw adminErrors.userPolicyNotFound(policyName);
    }
  },
} satisfies Partial<Changes>;

/** Without their keys, which go before them. */
export async function removeUsersOfAccount(db: Database, at: Pick<UserKey, "accountId">): Promise<void> {
  await deletePoliciesOfAccount(db, at);
  await deleteUsersOfAccount(db, at);
}

const userOf = (row: UserRow): User => ({
  id: row.id,
  accountId: row.account_id as AccountId,
  userName: row.name,
  createdAt: row.created_at,
});

const insertUser = sealedInsertion("users");
const insertPolicy = sealedInsertion("user_policies");

const selectUsers = sealedRows("users", (db, page: { accountId: string; afterName: string; limit: number }) =>
  db
    .selectFrom("users")
    .selectAll()
    .where("account_id", "=", page.accountId)
    .where("name", ">", page.afterName)
    .orderBy("name")
    .limit(page.limit),
);

const selectPolicies = sealedRows("user_policies", (db, at: { userId: string }) =>
  db.selectFrom("user_policies").selectAll().where("user_id", "=", at.userId).orderBy("name"),
);

const selectPolicy = sealedRow(
  "user_policies",
  (db, at: { userId: string; policyName: string }) =>
    db.selectFrom("user_policies").selectAll().where("user_id", "=", at.userId).where("name", "=", at.policyName),
  (row, at) => row.user_id === at.userId && row.name === at.policyName,
);

const changePolicy = changing("user_policies", "document");

const countPolicies = oneRow((db, at: { userId: string }) =>
  db
    .selectFrom("user_policies")
    .select((eb) => eb.fn.countAll().as("count"))
    .where("user_id", "=", at.userId),
);

const sumOtherPolicies = oneRow((db, at: { userId: string; policyName: string }) =>
  db
    .selectFrom("user_policies")
    .select(sql<number | null>`sum(octet_length(document))`.as("size"))
    .where("user_id", "=", at.userId)
    .where("name", "<>", at.policyName),
);

const deletePolicy = rowsChanged((db, at: { userId: string; policyName: string }) =>
  db.deleteFrom("user_policies").where("user_id", "=", at.userId).where("name", "=", at.policyName),
);

const deletePolicies = rowsChanged((db, at: { userId: string }) =>
  db.deleteFrom("user_policies").where("user_id", "=", at.userId),
);

const deleteUser = rowsChanged((db, at: { userId: string }) => db.deleteFrom("users").where("id", "=", at.userId));

const deletePoliciesOfAccount = rowsChanged((db, at: { accountId: string }) =>
  db
    .deleteFrom("user_policies")
    .where("user_id", "in", (eb) => eb.selectFrom("users").select("id").where("account_id", "=", at.accountId)),
);

const deleteUsersOfAccount = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("users").where("account_id", "=", at.accountId),
);
