import { type AccountId, adminErrors } from "@moraine/protocol";
import type { Account } from "../../../../domain/stores/identity-store.ts";
import type { Changes, Queries } from "../../methods.ts";
import { oneRow, rowsChanged } from "../../prepared.ts";
import { removeSettingsOfAccount } from "../account-settings.ts";
import { removeMessagesOfAccount } from "../jobs/notifications.ts";
import { sealedRows } from "../row-macs/sealed-rows.ts";
import type { AccountRow } from "../schema.ts";
import { insertRootKey, removeKeysOfAccount } from "./access-keys.ts";
import { insertAccount, selectAccount } from "./account-rows.ts";
import { removeUsersOfAccount } from "./users.ts";

export const accountQueries = {
  async findAccount(db, accountId) {
    const row = await selectAccount(db, { accountId });
    return row === undefined ? null : accountOf(row);
  },

  async listAccounts(db, { afterId, limit }) {
    const rows = await selectAccounts(db, { afterId: afterId ?? "", limit });
    return rows.map(accountOf);
  },

  async countIdentities(db) {
    const [accounts, users, vaults] = [
      await countAccounts(db, {}),
      await countUsers(db, {}),
      await countVaults(db, {}),
    ];
    return { accounts: Number(accounts?.count), users: Number(users?.count), vaults: Number(vaults?.count) };
  },
} satisfies Partial<Queries>;

export const accountChanges = {
  async createAccount(db, { account, key }) {
    if ((await selectAccount(db, { accountId: account.id })) !== undefined) {
      throw adminErrors.accountExists(account.id);
    }
    await insertAccount(db, { id: account.id, created_at: account.createdAt });
    await insertRootKey(db, { key, now: account.createdAt });
  },

  async removeAccount(db, accountId) {
    if ((await selectAccount(db, { accountId })) === undefined) {
      throw adminErrors.accountNotFound(accountId);
    }
    if ((await selectAnyVault(db, { accountId })) !== undefined) {
      throw adminErrors.accountHasVaults(accountId);
    }
    await removeKeysOfAccount(db, { accountId });
    await removeUsersOfAccount(db, { accountId });
    await removeSettingsOfAccount(db, { accountId });
    await removeMessagesOfAccount(db, { accountId });
    await deleteAccount(db, { accountId });
  },
} satisfies Partial<Changes>;

const accountOf = (row: AccountRow): Account => ({ id: row.id as AccountId, createdAt: row.created_at });

const selectAccounts = sealedRows("accounts", (db, page: { afterId: string; limit: number }) =>
  db.selectFrom("accounts").selectAll().where("id", ">", page.afterId).orderBy("id").limit(page.limit),
);

const countAccounts = oneRow((db, _: object) => db.selectFrom("accounts").select((eb) => eb.fn.countAll().as("count")));
const countUsers = oneRow((db, _: object) => db.selectFrom("users").select((eb) => eb.fn.countAll().as("count")));
const countVaults = oneRow((db, _: object) => db.selectFrom("vaults").select((eb) => eb.fn.countAll().as("count")));

const selectAnyVault = oneRow((db, at: { accountId: string }) =>
  db.selectFrom("vaults").select("id").where("account_id", "=", at.accountId).limit(1),
);

const deleteAccount = rowsChanged((db, at: { accountId: string }) =>
  db.deleteFrom("accounts").where("id", "=", at.accountId),
);
