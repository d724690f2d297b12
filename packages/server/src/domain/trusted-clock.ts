import type { Clock } from "./clock.ts";
import type { Instant } from "./instant.ts";

/**
 * The time by which policies judge: the age of an archive that a lock protects, and the hour that a policy asks for. Whoever
 * moves the machine's clock must not age an archive by it, so this time follows the clock only as far as it can be believed.
 */
export interface TrustedClock {
  /** Never earlier than any time that it gave before, in this run or, but for the last minute before a crash, an earlier one. */
  policyNow(): Instant;
  /**
   * The time by which data is removed: what has expired, and what was deleted long enough ago. It is `policyNow()`, so that a
   * clock that jumps removes nothing early; but a manual clock's own time, which tests move on purpose.
   */
  expiryNow(): Instant;
  /** Set while the service's clock is further ahead than can be believed; then policies' time goes on without it. */
  lag(): ClockLag | null;
}

export interface ClockLag {
  readonly serviceTime: Instant;
  readonly trustedTime: Instant;
}

/**
 * When an archive is made: not before what policies hold for the present. Else one that comes while the clock is behind
 * would be old at once, and its lock would be over.
 */
export const archiveTime = ({
  clock,
  trustedClock,
}: {
  clock: Pick<Clock, "now">;
  trustedClock: TrustedClock;
}): Instant => Math.max(clock.now(), trustedClock.policyNow());

/** What a clock may be put right by while the service runs, in all. */
export const believedStepMilliseconds = 5 * 60 * 1000;
/** How long the service may have been away. */
export const believedAbsenceMilliseconds = 7 * 24 * 60 * 60 * 1000;

/** Where a run begins: at the service's time, unless that is before what an earlier run came to, or too far after it. */
export function trustedStart(highWater: Instant | null, serviceNow: Instant): Instant {
  if (highWater === null) {
    return serviceNow;
  }
  return serviceNow <= highWater + believedAbsenceMilliseconds ? Math.max(highWater, serviceNow) : highWater;
}
