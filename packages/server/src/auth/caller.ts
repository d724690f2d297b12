import type { AccountId } from "@moraine/protocol";
import type { Principal } from "../domain/policy/evaluate.ts";
import type { AccessKey } from "../domain/stores/credential-store.ts";
import type { KeyUser } from "../domain/stores/identity-store.ts";
import type { Instant } from "../domain/time/instant.ts";

/** The principal that signed a request. */
export interface Caller {
  readonly accountId: AccountId;
  readonly principal: Principal;
  /** Null is the account's root. */
  readonly user: KeyUser | null;
  readonly accessKeyId: string;
  /** Null unless it signed with temporary credentials. */
  readonly session: { readonly issuedAt: Instant } | null;
}

export function callerOf({ accountId, user, accessKeyId, session }: AccessKey): Caller {
  const principal = principalOf(accountId, user);
  return { accountId, principal, user, accessKeyId, session: session && { issuedAt: session.issuedAt } };
}

export function principalOf(accountId: AccountId, user: Pick<KeyUser, "userName"> | null): Principal {
  return user === null ? { kind: "root", accountId } : { kind: "user", accountId, userName: user.userName };
}
