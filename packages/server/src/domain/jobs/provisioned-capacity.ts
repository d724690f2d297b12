import { errors, limits } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

/** A unit of capacity for Expedited retrievals, bought for a calendar month. */
export interface CapacityUnit {
  readonly id: string;
  readonly startedAt: Instant;
  /** From this moment on the unit no longer counts. */
  readonly expiresAt: Instant;
}

/** @param unexpired the account's units in the region. Throws LimitExceededException. */
export function assertCapacityLeft(unexpired: number): void {
  if (unexpired >= limits.capacityUnitsMax) {
    throw errors.limitExceeded(`Provisioned capacity limit exceeded: ${limits.capacityUnitsMax}`);
  }
}

/**
 * The same time a calendar month later, in UTC, its milliseconds cut off; the last day of the next month where that has
 * no such day: 31 January → 28 or 29 February, 31 August → 30 September (docs/wire.md#provisioned-capacity).
 */
export function capacityExpiry(startedAt: Instant): Instant {
  const start = new Date(startedAt);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  const lastDay = new Date(Date.UTC(year, month + 2, 0)).getUTCDate();
  return Date.UTC(
    year,
    month + 1,
    Math.min(start.getUTCDate(), lastDay),
    start.getUTCHours(),
    start.getUTCMinutes(),
    start.getUTCSeconds(),
  );
}
