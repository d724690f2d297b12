import type { AccountId } from "@moraine/protocol";

/** Account and region that the metadata belong to, from their first start on. */
export interface Installation {
  /** The operator's. */
  readonly accountId: AccountId;
  readonly region: string;
  /** The root's key, if one was made and has not been shown yet. */
  readonly unshownKeyId: string | null;
}

export interface InstallationChanges {
  /** Resolves to what the metadata belong to: to this account and region, if they belonged to none so far. */
  claimInstallation(claim: { accountId: AccountId; region: string }): Promise<Installation>;
  /**
   * Removes all vaults with what they hold, all settings, messages, users, sessions and policies, and all accounts but one, of
   * which the root's keys stay; their bytes are freed later. One transaction, however much there is: for tests.
   * Throws InvalidParameterValueException while a vault is locked, unless `removesLocked`.
   */
  removeContents(at: { accountId: AccountId; removesLocked: boolean }): Promise<void>;
  /** Notes which of the root's keys is yet to be shown; null when it was. After `claimInstallation`. */
  setUnshownKey(accessKeyId: string | null): Promise<void>;
}
