import type { AdminOperation, NoInput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const clockOperations = {
  GetClock:     { method: "GET",  path: "/admin/clock", status: 200, scope: "service", resource: "any", request: "none", response: "json" },
  AdvanceClock: { method: "POST", path: "/admin/clock", status: 200, scope: "service", resource: "any", request: "json", response: "json" },
} as const satisfies Record<string, AdminOperation>;

export interface ClockShapes {
  GetClock: { input: NoInput; output: ClockDescription };
  /** Only a manual clock moves, and only forward; whatever waits for the new time wakes up. */
  AdvanceClock: { input: AdvanceClockInput; output: ClockDescription };
}

/** One of the two. */
export interface AdvanceClockInput {
  readonly Seconds?: number | undefined;
  /** ISO 8601; not before the clock's own time. */
  readonly To?: string | undefined;
}

export interface ClockDescription {
  readonly Clock: "system" | "manual";
  readonly Now: string;
  /** The time by which policies judge, archives' ages among it: it follows the clock only as far as that can be believed. */
  readonly PolicyNow: string;
  /** The clock is implausibly far ahead, so trusted time continues without it. */
  readonly PolicyTimeIsBehind: boolean;
}
