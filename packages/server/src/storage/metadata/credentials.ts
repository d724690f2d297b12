import { invariant } from "../../domain/invariant.ts";
import type { Changes, Queries } from "./methods.ts";
import { manyRows, oneRow, rowsChanged } from "./prepared.ts";
import { accessKeyOf } from "./rows.ts";

export const credentialQueries = {
  async findAccessKey(db, accessKeyId) {
    const row = await selectKey(db, { accessKeyId });
    return row === undefined ? null : accessKeyOf(row);
  },

  async listAccessKeys(db, accountId) {
    const rows = await selectKeys(db, { accountId });
    return rows.map(accessKeyOf);
  },
} satisfies Partial<Queries>;

export const credentialChanges = {
  async putAccessKey(db, key) {
    await insertAccount(db, key);
    const changed = await upsertKey(db, key);
    invariant(changed === 1, "an access key stays with its account");
  },
} satisfies Partial<Changes>;

const selectKey = oneRow((db, at: { accessKeyId: string }) =>
  db.selectFrom("access_keys").selectAll().where("id", "=", at.accessKeyId),
);

const selectKeys = manyRows((db, at: { accountId: string }) =>
  db.selectFrom("access_keys").selectAll().where("account_id", "=", at.accountId).orderBy("created_at").orderBy("id"),
);

const insertAccount = rowsChanged((db, key: { accountId: string; now: number }) =>
  db
    .insertInto("accounts")
    .values({ id: key.accountId, created_at: key.now })
    .onConflict((conflict) => conflict.column("id").doNothing()),
);

const upsertKey = rowsChanged(
  (db, key: { accessKeyId: string; accountId: string; sealedSecret: Uint8Array; now: number }) =>
    db
      .insertInto("access_keys")
      .values({
        id: key.accessKeyId,
        account_id: key.accountId,
        sealed_secret: key.sealedSecret,
        created_at: key.now,
      })
      .onConflict((conflict) =>
        conflict
          .column("id")
          .doUpdateSet({ sealed_secret: key.sealedSecret })
          .where("access_keys.account_id", "=", key.accountId),
      ),
);
