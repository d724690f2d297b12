import type { Clock } from "./domain/clock.ts";
import type { Instant } from "./domain/instant.ts";
import { believedStepMilliseconds, type ClockLag, type TrustedClock, trustedStart } from "./domain/trusted-clock.ts";

export interface TrustedClockOptions {
  readonly clock: Pick<Clock, "now">;
  /** Milliseconds since anywhen, which nobody can set. */
  monotonic(): number;
  /** What an earlier run came to; null at the first start. */
  readonly highWater: Instant | null;
  /** Whether the operator vouches for the clock: then it is followed wherever it goes, but not back. */
  readonly followsClock: boolean;
  /** Whether tests move the clock: then it stands still on purpose, and data expires by it. */
  readonly isManual: boolean;
  /** Called when the clock has got too far ahead; again only after it was believed meanwhile. */
  onLag(lag: ClockLag): void;
}

/** How fast trusted time goes while the clock is behind it, so that it neither stands still nor stays ahead. */
const catchUpSpeed = 0.5;

/** Begins to count when it is made. */
export function startTrustedClock({
  clock,
  monotonic,
  highWater,
  followsClock,
  isManual,
  onLag,
}: TrustedClockOptions): TrustedClock {
  const begun = monotonic();
  const began = followsClock ? Math.max(highWater ?? 0, clock.now()) : trustedStart(highWater, clock.now());
  // With its fraction, which many readings within a millisecond would lose otherwise.
  let latest = began;
  let readAt = begun;
  let lags = false;
  const speed = isManual ? 0 : catchUpSpeed;

  function read(): ClockLag | null {
    const at = monotonic();
    const now = clock.now();
    // From the beginning of the run, not from the last reading: many small steps would make a large one.
    const believed = followsClock || now <= began + (at - begun) + believedStepMilliseconds;
    latest = believed ? Math.max(now, latest + (at - readAt) * speed) : latest + (at - readAt);
    readAt = at;
    const lag = believed ? null : { serviceTime: now, trustedTime: Math.floor(latest) };
    if (lag !== null && !lags) {
      onLag(lag);
    }
    lags = lag !== null;
    return lag;
  }

  function policyNow(): Instant {
    read();
    return Math.floor(latest);
  }

  return { policyNow, expiryNow: isManual ? () => clock.now() : policyNow, lag: read };
}
