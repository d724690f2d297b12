import type { AccountId } from "@moraine/protocol";
import type { AccessKey } from "../domain/credential-store.ts";
import type { KeyUser } from "../domain/identity-store.ts";
import type { Instant } from "../domain/instant.ts";

/** Who signed a request. */
export interface Caller {
  readonly accountId: AccountId;
  /** Null is the account's root. */
  readonly user: KeyUser | null;
  readonly accessKeyId: string;
  /** Null unless it signed with temporary credentials. */
  readonly session: { readonly issuedAt: Instant } | null;
}

export function callerOf({ accountId, user, accessKeyId, session }: AccessKey): Caller {
  return { accountId, user, accessKeyId, session: session && { issuedAt: session.issuedAt } };
}
