import { secondsPer } from "../durations.ts";

/** The limits of the admin API. Lengths count characters. */
export const adminLimits = {
  /** The longest name of a user or of a user's policy. */
  nameLengthMax: 64,
  /** Active keys of a user, or of an account's root; so that a new one can replace an old one without a gap. */
  activeKeysMax: 2,
  sessionsPerUserMax: 1000,
  sessionSecondsMin: 15 * secondsPer.minute,
  sessionSecondsMax: 36 * secondsPer.hour,
  sessionSecondsDefault: 12 * secondsPer.hour,
  policiesPerUserMax: 20,
  policySizeBytesMax: 20_480,
  /** Bounds all policies of a user together: each request of the user is judged by all of them. */
  userPoliciesSizeBytesMax: 65_536,
  /** A greater limit is lowered to this, silently. */
  pageMax: 100,
  /** The same, of entries of the audit trail. */
  auditPageMax: 1000,
} as const;

/** IAM's rule for names of users and policies: letters, digits and `_ + = , . @ -`; case-sensitive. */
export function isIdentityName(text: string): boolean {
  return /^[\w+=,.@-]{1,64}$/.test(text) && text !== "." && text !== "..";
}
