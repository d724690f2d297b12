import type { AccountId } from "@moraine/protocol";
import { sql } from "kysely";
import { byteLiteral } from "../../dialect.ts";
import type { Changes, Queries } from "../../methods.ts";
import { changing, sealedInsertion, sealedRows } from "../row-macs/sealed-rows.ts";
import { selectKey } from "./key-rows.ts";

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
    const known = await selectDataKeys(db, {});
    for (const { id, wrapped } of keys) {
      const row = known.find((key) => key.id === id);
      await (row === undefined ? insertDataKey(db, { id, wrapped, created_at: now }) : wrapAgain(db, row, { wrapped }));
    }
  },

  async resealSecrets(db, keys) {
    for (const { accessKeyId, sealedSecret } of keys) {
      const row = await selectKey(db, { accessKeyId });
      if (row !== undefined) {
        await seal(db, row, { sealed_secret: sealedSecret });
      }
    }
  },
} satisfies Partial<Changes>;

const selectDataKeys = sealedRows("data_keys", (db, _: object) =>
  db.selectFrom("data_keys").selectAll().orderBy("created_at", "desc").orderBy("id"),
);

const insertDataKey = sealedInsertion("data_keys");
const wrapAgain = changing("data_keys", "wrapped");
const seal = changing("access_keys", "sealed_secret");

/** The first byte of a sealed secret is the version of its form. */
const selectUnwrapped = sealedRows("access_keys", (db, page: { limit: number }) =>
  db
    .selectFrom("access_keys")
    .selectAll()
    .where(sql`substr(sealed_secret, 1, 1)`, "=", byteLiteral(db, 1))
    .limit(page.limit),
);
