import { randomInt } from "node:crypto";
import {
  type AccountId,
  adminErrors,
  errors,
  formatMilliseconds,
  isAccountId,
  type NewAccessKey,
} from "@moraine/protocol";
import { newAccessKeyId, newSecret } from "../auth/new-credentials.ts";
import type { Account } from "../domain/stores/identity-store.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, byName } from "./list-page.ts";

/** Creates the account and its root's first key, which gives all control over the account. */
export const createAccount: AdminHandler<"CreateAccount"> = async (
  { metadata, keyring, clock },
  { AccountId: asked },
) => {
  const id = asked ?? randomAccountId();
  if (!isAccountId(id)) {
    throw errors.invalidParameter(`Invalid account ID: ${id}. It must be 12 digits`);
  }
  const account: Account = { id, createdAt: clock.now() };
  const secret = { accountId: id, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  await metadata.createAccount({ account, key: keyring.seal(secret) });
  return { ...describe(account), AccessKey: rootKey(secret) };
};

export const listAccounts: AdminHandler<"ListAccounts"> = async ({ metadata }, input) => {
  const { rows, marker } = await adminPage(
    input,
    byName(({ id }: Account) => id),
    (afterId, limit) => metadata.listAccounts({ afterId: afterId as AccountId | null, limit }),
  );
  return { Accounts: rows.map(describe), Marker: marker };
};

/** Never with data: an account that has a vault stays. */
export const deleteAccount: AdminHandler<"DeleteAccount"> = async ({ metadata, operatorAccountId }, { accountId }) => {
  if (accountId === operatorAccountId) {
    throw adminErrors.operatorStays(accountId);
  }
  await metadata.removeAccount(existing(accountId));
  return {};
};

export const createRootKey: AdminHandler<"CreateRootKey"> = async (
  { metadata, keyring, clock, operatorAccountId },
  { accountId: text },
  { principal },
) => {
  const accountId = existing(text);
  if (accountId === operatorAccountId && principal.kind !== "root") {
    // For any other account the operator vouches. In its own, a user would become the root.
    throw errors.accessDenied("Only the root of the operator's account may make an access key for that root");
  }
  if ((await metadata.findAccount(accountId)) === null) {
    throw adminErrors.accountNotFound(text);
  }
  const secret = { accountId, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  await metadata.addAccessKey({ key: keyring.seal(secret), userName: null, now: clock.now() });
  return rootKey(secret);
};

/** An id that cannot be one is no account's. */
function existing(text: string): AccountId {
  if (!isAccountId(text)) {
    throw adminErrors.accountNotFound(text);
  }
  return text;
}

/** The first digit is not 0: spreadsheets and shells lose it. */
const randomAccountId = (): string => `${randomInt(1, 10)}${String(randomInt(10 ** 11)).padStart(11, "0")}`;

const describe = ({ id, createdAt }: Account) => ({
  AccountId: id,
  CreationDate: formatMilliseconds(new Date(createdAt)),
});

function rootKey({ accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }): NewAccessKey {
  return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, UserName: null };
}
