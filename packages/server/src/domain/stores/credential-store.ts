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

export interface CredentialStore {
  /** Grows whenever a key, a user, an account or a user's policy may have changed. */
  readonly version: number;
  /** Null when the key is unknown or disabled. A session's key is found until it is removed, expired or not. */
  findAccessKey(accessKeyId: string): Promise<AccessKey | null>;
}
