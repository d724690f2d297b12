import type { AccountId } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";
import type { KeyUser, Session } from "./identity-store.ts";

/** A key that may sign requests. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: AccountId;
  /** Null is the account's root. */
  readonly user: KeyUser | null;
  /** Null for a key that holds until it is removed. */
  readonly session: (Session & { readonly issuedAt: Instant }) | null;
}

/** State of a store's knowledge of changes. */
export interface CredentialState {
  readonly version: number;
  /** By `performance.now()`. */
  readonly readAt: number;
}

export interface CredentialStore {
  /** To be taken before keys, users and policies are read. */
  state(): CredentialState;
  /** Whether what was read then still counts: no key, user, account or user's policy may have changed since. */
  isCurrent(state: CredentialState): boolean;
  /** Null when the key is unknown or disabled. A session's key is found until it is removed, expired or not. */
  findAccessKey(accessKeyId: string): Promise<AccessKey | null>;
}
