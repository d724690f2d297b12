import type { AccountId } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

/** Accounts and users, their keys and their policies. Part of the metadata: the same promises hold. */
export interface IdentityQueries {
  findAccount(accountId: AccountId): Promise<Account | null>;
  /** By id, those after `afterId` (all, if null). */
  listAccounts(page: { afterId: AccountId | null; limit: number }): Promise<Account[]>;

  findUser(name: UserKey): Promise<User | null>;
  /** In bytewise order of names, those after `afterName` (all, if null). */
  listUsers(page: { accountId: AccountId; afterName: string | null; limit: number }): Promise<User[]>;

  /** A session's key too; also one that is not active, or has expired. */
  findAccessKey(accessKeyId: string): Promise<StoredAccessKey | null>;
  /** Oldest first, after the position `after` (all, if null); no sessions. `userId` null is the account's root. */
  listAccessKeys(page: {
    accountId: AccountId;
    userId: string | null;
    after: { readonly createdAt: Instant; readonly id: string } | null;
    limit: number;
  }): Promise<StoredAccessKey[]>;

  /** All of a user's policies, by name: there are few. */
  userPolicies(userId: string): Promise<UserPolicy[]>;

  /** How many of each there are, in all accounts. */
  countIdentities(): Promise<{ accounts: number; users: number; vaults: number }>;

  /** The wrapped keys that secrets are sealed with, newest first. */
  dataKeys(): Promise<WrappedDataKey[]>;
  /** Keys whose secrets were sealed with no data key, as the first release did. */
  listUnwrappedSecrets(page: { limit: number }): Promise<SealedAccessKey[]>;
}

export interface IdentityChanges {
  /** Throws InvalidParameterValueException when there is such an account. `key` is its root's. */
  createAccount(account: { account: Account; key: SealedAccessKey }): Promise<void>;
  /**
   * Removes the account with its users, keys, policies, settings and undelivered messages. Throws ResourceNotFoundException, and
   * InvalidParameterValueException while it has a vault in any region.
   */
  removeAccount(accountId: AccountId): Promise<void>;

  /** Throws InvalidParameterValueException when the account has such a user. */
  createUser(user: User): Promise<void>;
  /** Removes the user with its keys, sessions and policies. Throws ResourceNotFoundException. */
  removeUser(name: UserKey): Promise<void>;

  /** Adds a key of the root, or replaces its secret and makes it active. Makes the account if need be. */
  putRootKey(key: SealedAccessKey & { now: Instant }): Promise<void>;
  /**
   * As `putRootKey`, for the key that the operator gives at a start: keys that earlier starts were given become inactive, and count
   * as any other key from then on.
   */
  giveRootKey(key: SealedAccessKey & { now: Instant }): Promise<GivenRootKey>;
  /** `userName` null is the root. Throws ResourceNotFoundException; LimitExceededException at two active keys. */
  addAccessKey(key: { key: SealedAccessKey; userName: string | null; now: Instant }): Promise<void>;
  /**
   * Drops the user's sessions that expired before `forgetBefore`, and adds one. Throws ResourceNotFoundException, and
   * LimitExceededException.
   */
  addSession(session: {
    key: SealedAccessKey;
    userName: string;
    session: Session;
    issuedAt: Instant;
    forgetBefore: Instant;
  }): Promise<void>;
  /**
   * Throws ResourceNotFoundException unless the key is of just this user, or root, of this account;
   * InvalidParameterValueException for the root's last active key; LimitExceededException at two active ones.
   */
  setAccessKeyActive(change: KeyOfPrincipal & { active: boolean }): Promise<void>;
  /** Also ends a session. Throws as `setAccessKeyActive` does. */
  removeAccessKey(key: KeyOfPrincipal): Promise<void>;

  /** Adds a policy or replaces it. Throws ResourceNotFoundException, and LimitExceededException. */
  putUserPolicy(policy: { user: UserKey; policy: UserPolicy }): Promise<void>;
  /** Throws ResourceNotFoundException when there is no such user or policy. */
  removeUserPolicy(policy: { user: UserKey; policyName: string }): Promise<void>;

  /**
   * Remembers a signature until `expiresAt`. Throws InvalidSignatureException when it is remembered already: of two requests
   * with the same signature one is accepted.
   */
  useSignature(use: { signature: Uint8Array; expiresAt: Instant; now: Instant }): Promise<void>;

  /** Adds the first data key, or wraps those that there are in another way: all at once. */
  putDataKeys(keys: { keys: readonly WrappedDataKey[]; now: Instant }): Promise<void>;
  /** Seals secrets in another way. Keys that are gone are passed over. */
  resealSecrets(keys: readonly SealedAccessKey[]): Promise<void>;
}

export interface Account {
  readonly id: AccountId;
  readonly createdAt: Instant;
}

export interface UserKey {
  readonly accountId: AccountId;
  readonly userName: string;
}

export interface User extends UserKey {
  /** `AIDA…`: a user that is made again under its old name is another one. */
  readonly id: string;
  readonly createdAt: Instant;
}

export interface UserPolicy {
  readonly policyName: string;
  /** As it was put. */
  readonly document: string;
}

/** A secret at rest: encrypted, and bound to the key's id and account. */
export interface SealedAccessKey {
  readonly accessKeyId: string;
  readonly accountId: AccountId;
  readonly sealedSecret: Uint8Array;
}

export interface GivenRootKey {
  /** The keys that are inactive now. */
  readonly replaced: readonly string[];
  /** Other active keys of the root. Empty when an earlier start was given the same key. */
  readonly others: readonly string[];
}

export interface StoredAccessKey extends SealedAccessKey {
  /** Null is the account's root. */
  readonly user: KeyUser | null;
  readonly active: boolean;
  readonly createdAt: Instant;
  /** Null for a key that holds until it is removed. */
  readonly session: Session | null;
}

export interface KeyUser {
  readonly id: string;
  readonly userName: string;
}

export interface Session {
  /** SHA-256 of the token, which is kept nowhere. */
  readonly tokenHash: Uint8Array;
  /** By the system's time. */
  readonly expiresAt: Instant;
}

export interface KeyOfPrincipal {
  readonly accountId: AccountId;
  readonly accessKeyId: string;
  /** Null is the root. */
  readonly userName: string | null;
}

/** A data key at rest: encrypted with a key that is not in the database. */
export interface WrappedDataKey {
  readonly id: string;
  readonly wrapped: Uint8Array;
}

/** Contents of a database, before its rows are read, that the sealing key opens: all empty in a new one. */
export interface SealedKeys {
  /** The newest first. */
  readonly dataKeys: readonly WrappedDataKey[];
  /** One of the secrets that an earlier release sealed without a data key, if there are any. */
  readonly unwrappedSecrets: readonly SealedAccessKey[];
}

/** The key of the rows' MACs: kept in memory alone. */
export interface RowSecret {
  readonly key: Uint8Array;
  /** The data key that it is derived from, when the database has none yet: it is stored with the first rows. */
  readonly newDataKey: (WrappedDataKey & { readonly createdAt: Instant }) | null;
}
