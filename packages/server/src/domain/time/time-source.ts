import type { Clock } from "./clock.ts";

/** Where the time comes from by which all that is kept is judged. */
export interface TimeSource {
  readonly clock: Clock;
  /** Milliseconds that nobody can set, counted on until `bootId` changes. */
  monotonic(): number;
  /** Null where nothing tells one boot from the next. */
  readonly bootId: string | null;
}
