import { type AccessKeyDescription, accessKeyStatuses, errors, formatMilliseconds } from "@moraine/protocol";
import type { Caller } from "../auth/caller.ts";
import { newAccessKeyId, newSecret } from "../auth/new-credentials.ts";
import type { StoredAccessKey } from "../domain/stores/identity-store.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, byCreation } from "./list-page.ts";
import { requireUser } from "./require-user.ts";

export const createAccessKey: AdminHandler<"CreateAccessKey"> = async (
  { metadata, keyring, clock },
  { userName = null },
  caller,
) => {
  assertMayTouch(userName, caller);
  const secret = { accountId: caller.accountId, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  await metadata.addAccessKey({ key: keyring.seal(secret), userName, now: clock.now() });
  return { AccessKeyId: secret.accessKeyId, SecretAccessKey: secret.secretAccessKey, UserName: userName };
};

export const listAccessKeys: AdminHandler<"ListAccessKeys"> = async (
  services,
  { userName = null, ...page },
  caller,
) => {
  assertMayTouch(userName, caller);
  const { accountId } = caller;
  const user = userName === null ? null : await requireUser(services, { accountId, userName });
  const { rows, marker } = await adminPage(page, keys, (after, limit) =>
    services.metadata.listAccessKeys({ accountId, userId: user?.id ?? null, after, limit }),
  );
  return { AccessKeys: rows.map(describe), Marker: marker };
};

export const updateAccessKey: AdminHandler<"UpdateAccessKey"> = async (
  { metadata },
  { accessKeyId, userName = null, Status: status },
  caller,
) => {
  assertMayTouch(userName, caller);
  if (!accessKeyStatuses.includes(status)) {
    throw errors.invalidParameter(`Invalid Status: ${status}. It must be Active or Inactive`);
  }
  const { accountId } = caller;
  await metadata.setAccessKeyActive({ accountId, userName, accessKeyId, active: status === "Active" });
  return {};
};

export const deleteAccessKey: AdminHandler<"DeleteAccessKey"> = async (
  { metadata },
  { accessKeyId, userName = null },
  caller,
) => {
  assertMayTouch(userName, caller);
  await metadata.removeAccessKey({ accountId: caller.accountId, userName, accessKeyId });
  return {};
};

/** The root's keys are its own, as in IAM: no policy gives a user the way to become the root. */
function assertMayTouch(userName: string | null, { principal }: Caller): void {
  if (userName === null && principal.kind !== "root") {
    throw errors.accessDenied("Only the account's root may see or change its access keys; name the user that is meant");
  }
}

const keys = byCreation(({ accessKeyId }: StoredAccessKey) => accessKeyId, /\w+/);

function describe(key: StoredAccessKey): AccessKeyDescription {
  return {
    AccessKeyId: key.accessKeyId,
    Status: key.active ? "Active" : "Inactive",
    UserName: key.user?.userName ?? null,
    CreationDate: formatMilliseconds(new Date(key.createdAt)),
  };
}
