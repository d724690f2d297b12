import type { Instant } from "./instant.ts";

/** What the trusted time has come to, so that a restart cannot take it back. Part of the metadata: the same promises hold. */
export interface TrustedTimeQueries {
  /** Null before the first run. */
  trustedTime(): Promise<Instant | null>;
}

export interface TrustedTimeChanges {
  /** Does nothing when it is there, or later, already: it never decreases. */
  raiseTrustedTime(to: Instant): Promise<void>;
}
