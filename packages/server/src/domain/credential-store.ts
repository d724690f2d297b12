import type { AccountId } from "@moraine/protocol";

/** A key that may sign requests. Until users exist, every key is its account's root. */
export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: AccountId;
}

export interface CredentialStore {
  /** Null when the key is unknown or disabled. */
  findAccessKey(accessKeyId: string): Promise<AccessKey | null>;
}
