import { sealedInsertion, sealedRow } from "../row-macs/sealed-rows.ts";

export const insertAccount = sealedInsertion("accounts");

export const selectAccount = sealedRow(
  "accounts",
  (db, at: { accountId: string }) => db.selectFrom("accounts").selectAll().where("id", "=", at.accountId),
  (row, at) => row.id === at.accountId,
);
