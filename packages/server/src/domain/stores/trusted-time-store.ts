import type { TrustedTimeState } from "../time/trusted-clock.ts";

/** The latest trusted time, so that a restart cannot take it back. Part of the metadata: the same promises hold. */
export interface TrustedTimeQueries {
  /** Null before the first run. */
  trustedTime(): Promise<TrustedTimeState | null>;
}

export interface TrustedTimeChanges {
  /** Does nothing when a later time is kept: it never decreases. */
  raiseTrustedTime(to: TrustedTimeState): Promise<void>;
}
