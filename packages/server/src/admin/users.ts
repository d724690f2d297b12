import { adminErrors, formatMilliseconds, isIdentityName, partitionOf, type UserDescription } from "@moraine/protocol";
import { principalOf } from "../auth/caller.ts";
import { newUserId } from "../auth/new-credentials.ts";
import { principalArn } from "../domain/policy/evaluate.ts";
import type { User } from "../domain/stores/identity-store.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, byName } from "./list-page.ts";

/** A new user may do nothing until a policy says otherwise. */
export const createUser: AdminHandler<"CreateUser"> = async (
  { metadata, clock, region },
  { userName },
  { accountId },
) => {
  if (!isIdentityName(userName)) {
    throw adminErrors.invalidName("user name", userName);
  }
  const user: User = { id: newUserId(), accountId, userName, createdAt: clock.now() };
  await metadata.createUser(user);
  return describe(user, region);
};

export const listUsers: AdminHandler<"ListUsers"> = async ({ metadata, region }, input, { accountId }) => {
  const { rows, marker } = await adminPage(
    input,
    byName(({ userName }: User) => userName),
    (afterName, limit) => metadata.listUsers({ accountId, afterName, limit }),
  );
  return { Users: rows.map((user) => describe(user, region)), Marker: marker };
};

export const deleteUser: AdminHandler<"DeleteUser"> = async ({ metadata }, { userName }, { accountId }) => {
  await metadata.removeUser({ accountId, userName });
  return {};
};

function describe(user: User, region: string): UserDescription {
  return {
    UserName: user.userName,
    UserId: user.id,
    Arn: principalArn(principalOf(user.accountId, user), partitionOf(region)),
    CreationDate: formatMilliseconds(new Date(user.createdAt)),
  };
}
