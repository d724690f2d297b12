import type { AccountId } from "@moraine/protocol";

/** Shares out the time that reading policies takes: nobody else is served meanwhile. */
export interface PolicyMeter {
  /** Resolves when the account may have a policy of this size read. Throws ThrottlingException when that would take too long. */
  admit(accountId: AccountId, sizeBytes: number): Promise<void>;
}
