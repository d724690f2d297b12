import { emptyHour } from "../../src/rescue/schedule/hourly-window.ts";
import { requestingAtFirst, type ScheduleState } from "../../src/rescue/schedule/schedule.ts";
import { assumedSpeed } from "../../src/rescue/schedule/speed.ts";
import { nothing } from "../../src/rescue/work.ts";

/** A rescue that has requested and measured nothing. */
export const idleSchedule: ScheduleState = {
  ahead: nothing,
  requesting: 0,
  requestingMax: requestingAtFirst,
  speed: assumedSpeed,
  bytesPerSecondMax: null,
  latencySeconds: null,
  hour: emptyHour,
  spentUsd: 0,
  refusedUntil: 0,
  refusal: null,
  fallbackUntil: 0,
};
