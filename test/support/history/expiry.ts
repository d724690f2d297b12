import type { TimeSpan } from "./state.ts";

const daySeconds = 24 * 3600;
/** The service goes by moments inside of calls, and may round. */
const marginSeconds = 60;
/** A run lasts less than this of real time, which the spans do not count. */
const runSeconds = 3600;

/** Tells whether a day has passed since a moment: for sure, perhaps, or not. */
export function dayOver(since: TimeSpan, now: TimeSpan): "yes" | "perhaps" | "no" {
  if (now.low - since.high >= daySeconds + marginSeconds) {
    return "yes";
  }
  return now.high - since.low >= daySeconds - runSeconds ? "perhaps" : "no";
}
