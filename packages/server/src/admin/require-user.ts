import { type AccountId, adminErrors } from "@moraine/protocol";
import type { User } from "../domain/stores/identity-store.ts";
import type { AdminServices } from "./context.ts";

/** Throws ResourceNotFoundException. */
export async function requireUser(
  { metadata }: Pick<AdminServices, "metadata">,
  name: { accountId: AccountId; userName: string },
): Promise<User> {
  const user = await metadata.findUser(name);
  if (user === null) {
    throw adminErrors.userNotFound(name.userName);
  }
  return user;
}
