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
  /** Called when the clock has got too far ahead; again only after it was believed meanwhile. */
  onLag(lag: ClockLag): void;
}

/** Begins to count when it is made. */
export function startTrustedClock({
  clock,
  monotonic,
  highWater,
  followsClock,
  onLag,
}: TrustedClockOptions): TrustedClock {
  const begun = monotonic();
  const began = followsClock ? Math.max(highWater ?? 0, clock.now()) : trustedStart(highWater, clock.now());
  // With its fraction, which many readings within a millisecond would lose otherwise.
  let latest = began;
  let readAt = begun;
  let lags = false;

  function read(): ClockLag | null {
    const at = monotonic();
    const now = clock.now();
    // From the beginning of the run, not from the last reading: many small steps would make a large one.
    const believed = followsClock || now <= began + (at - begun) + believedStepMilliseconds;
    latest = Math.max(latest, believed ? now : latest + (at - readAt));
    readAt = at;
    const lag = believed ? null : { serviceTime: now, trustedTime: Math.floor(latest) };
    if (lag !== null && !lags) {
      onLag(lag);
    }
    lags = lag !== null;
    return lag;
  }

  return {
    policyNow() {
      read();
      return Math.floor(latest);
    },
    lag: read,
  };
}
