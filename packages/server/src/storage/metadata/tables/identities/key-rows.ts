import { sealedRow } from "../row-macs/sealed-rows.ts";

export const selectKey = sealedRow(
  "access_keys",
  (db, at: { accessKeyId: string }) => db.selectFrom("access_keys").selectAll().where("id", "=", at.accessKeyId),
  (row, at) => row.id === at.accessKeyId,
);
