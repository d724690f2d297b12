import type { AccountId } from "@moraine/protocol";

/** Shares out the time that reading and judging policies takes: nobody else is served meanwhile. */
export interface PolicyMeter {
  /**
   * Null when the account may have policies read or judged at once; otherwise resolves when it may. Throws
   * ThrottlingException when too many of its requests wait already.
   */
  admit(accountId: AccountId): Promise<void> | null;
  /** Counts what was done for the account, in milliseconds. */
  charge(accountId: AccountId, milliseconds: number): void;
}

/** Reading costs up to 25 ms for 20 KB. */
export const readingMilliseconds = (sizeBytes: number): number => sizeBytes * 0.00125;
/** Measured: 3 to 5 ns a step. */
export const stepsMilliseconds = (steps: number): number => steps * 0.000005;
