import { adminErrors } from "@moraine/protocol";
import type { UserKey } from "../../../../domain/stores/identity-store.ts";
import { sealedRow } from "../row-macs/sealed-rows.ts";
import type { Database, UserRow } from "../schema.ts";

/** Throws ResourceNotFoundException. */
export async function requireUser(db: Database, name: UserKey): Promise<UserRow> {
  const row = await findUserRow(db, name);
  if (row === undefined) {
    throw adminErrors.userNotFound(name.userName);
  }
  return row;
}

export const findUserRow = sealedRow(
  "users",
  (db, name: UserKey) =>
    db.selectFrom("users").selectAll().where("account_id", "=", name.accountId).where("name", "=", name.userName),
  (row, name) => row.account_id === name.accountId && row.name === name.userName,
);

export const findUserById = sealedRow(
  "users",
  (db, at: { userId: string }) => db.selectFrom("users").selectAll().where("id", "=", at.userId),
  (row, at) => row.id === at.userId,
);
