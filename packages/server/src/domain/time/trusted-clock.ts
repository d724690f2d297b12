import { millisecondsPer } from "@moraine/protocol";
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
  /** Set while the service's clock is implausibly far ahead; then trusted time continues without it. */
  lag(): ClockLag | null;
}

/** A trusted clock that restarts do not set back. */
export interface KeptClock extends TrustedClock {
  /** State that the next run resumes from. */
  state(): TrustedTimeState;
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

/** Stored state of trusted time. */
export interface TrustedTimeState {
  /** The latest time that was given. */
  readonly highWater: Instant;
  /** The monotonic time of that moment. */
  readonly monotonic: number;
  /** Null when an earlier version kept it. */
  readonly boot: TrustedBoot | null;
}

/**
 * Where trusted time is counted from until the machine boots again: a restart of the service alone changes nothing, since the
 * machine has counted the time meanwhile. Times are milliseconds.
 */
export interface TrustedBoot {
  /** The kernel's name of the boot; null where it has none. Then every start counts as a boot. */
  readonly id: string | null;
  readonly time: Instant;
  readonly monotonic: number;
  /** Time that was believed of the clock without a proof, over all boots, less the time that the machine has run since. */
  readonly unproven: number;
}

/** Bounds by how much a clock may be put right after boots, in all. */
export const believedStepMilliseconds = 5 * millisecondsPer.minute;
/** How long the machine may have been away, in all: it gets back what it was away by running as long. */
export const believedAbsenceMilliseconds = 7 * millisecondsPer.day;

interface Reading {
  readonly bootId: string | null;
  readonly clock: Instant;
  readonly monotonic: number;
}

/** Start of a run: the time that the last one reached and, if that was before the last boot, the clock, if it can be believed. */
export function resumed(
  kept: TrustedTimeState | null,
  now: Reading,
): TrustedTimeState & { readonly boot: TrustedBoot } {
  const { bootId: id, clock, monotonic } = now;
  if (kept === null) {
    return { highWater: clock, monotonic, boot: { id, time: clock, monotonic, unproven: 0 } };
  }
  const { boot, highWater } = kept;
  if (boot !== null && boot.id !== null && boot.id === id && monotonic >= kept.monotonic) {
    return { ...kept, boot };
  }
  const unproven = boot === null ? 0 : unprovenAfter({ ...kept, boot });
  const absence = Math.max(0, clock - highWater);
  const isBelieved = unproven + absence <= believedAbsenceMilliseconds;
  const time = isBelieved ? highWater + absence : highWater;
  return { highWater: time, monotonic, boot: { id, time, monotonic, unproven: unproven + (isBelieved ? absence : 0) } };
}

/** The latest time that can be believed. */
export function believedUntil({ time, monotonic: begun, unproven }: TrustedBoot, monotonic: number): Instant {
  const ran = monotonic - begun;
  const left = believedAbsenceMilliseconds - Math.max(0, unproven - ran);
  return time + ran + Math.min(believedStepMilliseconds, left);
}

/** Adds the step by which the clock was followed since the boot. */
function unprovenAfter({ highWater, monotonic, boot }: TrustedTimeState & { readonly boot: TrustedBoot }): number {
  const ran = monotonic - boot.monotonic;
  const step = Math.max(0, highWater - (boot.time + ran));
  return Math.max(0, boot.unproven + step - ran);
}
