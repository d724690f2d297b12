import { millisecondsPer } from "@moraine/protocol";
import { type ScrubCursor, scrubRangeCount } from "../../domain/stores/scrub-store.ts";
import type { Instant } from "../../domain/time/instant.ts";

/** New segments are read back in rounds; the rest of a day is for the reading. */
const newMilliseconds = 4 * millisecondsPer.hour;
/** A range is due before its period has passed: the rest is for outages, and for the reading. */
const shareOfPeriod = 5 / 6;

export interface ScrubProgress {
  /** Within this time all is to be read. */
  readonly periodMilliseconds: number;
  /** All segments that are older than this have been read within this time. */
  readonly oldestMilliseconds: number;
  /** At least as long as any new segment has waited for being read back; 0 when none waits. */
  readonly oldestNewMilliseconds: number;
  /** Ranges that are due, of 256. */
  readonly dueRanges: number;
}

interface Times {
  readonly rangesReadAt: readonly Instant[];
  readonly cursor: ScrubCursor | null;
  readonly newReadAt: Instant;
  readonly newestSequence: number | null;
}

/** Times of a first run, as if the ranges had been read before, one after the other: so they become due one after the other. */
export function firstTimes(now: Instant, periodMilliseconds: number): Instant[] {
  const interval = periodMilliseconds * shareOfPeriod;
  return Array.from({ length: scrubRangeCount }, (_, range) =>
    Math.round(now - interval + (interval * (range + 1)) / scrubRangeCount),
  );
}

export const newDue = (newReadAt: Instant): Instant => newReadAt + newMilliseconds;

/** The range that has been due for the longest time; null when none is. */
export function dueRange(
  rangesReadAt: readonly Instant[],
  now: Instant,
  periodMilliseconds: number,
): ScrubCursor | null {
  const known = rangesReadAt.map((readAt) => knownAt(readAt, now));
  const oldest = Math.min(...known);
  const isDue = oldest + periodMilliseconds * shareOfPeriod <= now;
  return isDue ? { range: known.indexOf(oldest), beganAt: now, after: null } : null;
}

export function nextDue({ rangesReadAt, newReadAt }: Times, periodMilliseconds: number): Instant {
  return Math.min(newDue(newReadAt), Math.min(...rangesReadAt) + periodMilliseconds * shareOfPeriod);
}

export function progressOf(times: Times, now: Instant, periodMilliseconds: number): ScrubProgress {
  const { rangesReadAt, newReadAt, newestSequence } = times;
  const dueBefore = now - periodMilliseconds * shareOfPeriod;
  return {
    periodMilliseconds,
    oldestMilliseconds: Math.max(0, now - Math.min(...rangesReadAt)),
    oldestNewMilliseconds: newestSequence === null ? 0 : Math.max(0, now - newReadAt),
    dueRanges: rangesReadAt.filter((readAt) => knownAt(readAt, now) <= dueBefore).length,
  };
}

/** A time in the future is from a clock that was wrong, and says nothing. */
const knownAt = (readAt: Instant, now: Instant): Instant => (readAt > now ? Number.NEGATIVE_INFINITY : readAt);
