import { adminErrors } from "@moraine/protocol";
import type { UserKey } from "../../../../domain/stores/identity-store.ts";
import { oneRow } from "../../sqlite/prepared.ts";
import type { Database, UserRow } from "../schema.ts";

/** Throws ResourceNotFoundException. */
export async function requireUser(db: Database, name: UserKey): Promise<UserRow> {
  const row = await findUserRow(db, name);
  if (row === undefined) {
    throw adminErrors.userNotFound(name.userName);
  }
  return row;
}

export const findUserRow = oneRow((db, name: UserKey) =>
  db.selectFrom("users").selectAll().where("account_id", "=", name.accountId).where("name", "=", name.userName),
);
