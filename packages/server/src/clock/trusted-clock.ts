import { readFile } from "node:fs/promises";
import type { Clock } from "../domain/time/clock.ts";
import type { Instant } from "../domain/time/instant.ts";
import {
  believedUntil,
  type ClockLag,
  type KeptClock,
  resumed,
  type TrustedBoot,
  type TrustedTimeState,
} from "../domain/time/trusted-clock.ts";

export interface TrustedClockOptions {
  readonly clock: Pick<Clock, "now">;
  /** Milliseconds that nobody can set, counted on over restarts until the machine boots. */
  monotonic(): number;
  /** Names the machine's boot; null where the kernel does not. */
  readonly bootId: string | null;
  /** The trusted time that an earlier run reached; null at the first start. */
  readonly kept: TrustedTimeState | null;
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
export function startTrustedClock(options: TrustedClockOptions): KeptClock {
  const { clock, monotonic, bootId, kept, followsClock, isManual, onLag } = options;
  const start = resumed(kept, { bootId, clock: clock.now(), monotonic: monotonic() });
  // It keeps its fraction, which many readings within a millisecond would lose otherwise.
  let latest = start.highWater;
  let readAt = start.monotonic;
  let lags = false;
  const speed = isManual ? 0 : catchUpSpeed;

  function read(): ClockLag | null {
    const at = monotonic();
    const now = clock.now();
    // From the machine's boot, not from the last reading or the last start: many small steps would make a large one.
    const believed = followsClock || now <= believedUntil(start.boot, at);
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

  function state(): TrustedTimeState {
    const highWater = policyNow();
    const at = Math.floor(readAt);
    // The operator's word makes whatever the clock says a place to count from.
    const boot: TrustedBoot = followsClock ? { id: bootId, time: highWater, monotonic: at, unproven: 0 } : start.boot;
    return { highWater, monotonic: at, boot: { ...boot, monotonic: Math.floor(boot.monotonic) } };
  }

  return { policyNow, expiryNow: isManual ? () => clock.now() : policyNow, state, lag: read };
}

const sinceBoot = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds since the machine booted, sleep left out. */
export const machineMonotonic = (): number => performance.now() + sinceBoot;

/** Linux makes a new id at each boot. */
export async function machineBootId(): Promise<string | null> {
  try {
    return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  } catch {
    return null;
  }
}
