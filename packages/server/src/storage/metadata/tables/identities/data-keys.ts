import type { AccountId } from "@moraine/protocol";
import { sql } from "kysely";
import type { Changes, Queries } from "../../sqlite/methods.ts";
import { manyRows, rowsChanged } from "../../sqlite/prepared.ts";

export const dataKeyQueries = {
  async dataKeys(db) {
    const rows = await selectDataKeys(db, {});
    return rows.map(({ id, wrapped }) => ({ id, wrapped }));
  },

  async listUnwrappedSecrets(db, page) {
    const rows = await selectUnwrapped(db, page);
    return rows.map((row) => ({
      accessKeyId: row.id,
      accountId: row.account_id as AccountId,
      sealedSecret: row.sealed_secret,
    }));
  },
} satisfies Partial<Queries>;

export const dataKeyChanges = {
  async putDataKeys(db, { keys, now }) {
    for (const { id, wrapped } of keys) {
      await upsertDataKey(db, { id, wrapped, now });
    }
  },

  async resealSecrets(db, keys) {
    for (const key of keys) {
      await updateSecret(db, key);
    }
  },
} satisfies Partial<Changes>;

const selectDataKeys = manyRows((db, _: object) =>
  db.selectFrom("data_keys").select(["id", "wrapped"]).orderBy("created_at", "desc").orderBy("id"),
);

const upsertDataKey = rowsChanged((db, key: { id: string; wrapped: Uint8Array; now: number }) =>
  db
    .insertInto("data_keys")
    .values({ id: key.id, wrapped: key.wrapped, created_at: key.now })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ wrapped: key.wrapped })),
);

/** The first byte of a sealed secret is the version of its form. */
const selectUnwrapped = manyRows((db, page: { limit: number }) =>
  db
    .selectFrom("access_keys")
    .select(["id", "account_id", "sealed_secret"])
    .where(sql`substr(sealed_secret, 1, 1)`, "=", sql`x'01'`)
    .limit(page.limit),
);

const updateSecret = rowsChanged((db, key: { accessKeyId: string; sealedSecret: Uint8Array }) =>
  db.updateTable("access_keys").set({ sealed_secret: key.sealedSecret }).where("id", "=", key.accessKeyId),
);
