import {
  type AdvanceClockInput,
  adminErrors,
  type ClockDescription,
  errors,
  formatMilliseconds,
  secondsPer,
} from "@moraine/protocol";
import type { AdminHandler, AdminServices } from "./context.ts";

/** Longer than anything waits; beyond it dates have no form on the wire. */
const stepSecondsMax = 100 * 366 * secondsPer.day;
const timeMax = Date.UTC(9999, 0, 1);

export const getClock: AdminHandler<"GetClock"> = async (services) => describe(services);

/** Forward only: what has completed, expired or been locked by the clock stays so. */
export const advanceClock: AdminHandler<"AdvanceClock"> = async (services, input) => {
  const { manualClock, clock } = services;
  if (manualClock === null) {
    throw adminErrors.clockNotManual();
  }
  const step = stepOf(input, clock.now());
  if (clock.now() + step > timeMax) {
    throw errors.invalidParameter("The clock cannot go beyond the year 9998");
  }
  manualClock.advance(step);
  return describe(services);
};

/** In milliseconds. */
function stepOf({ Seconds: seconds, To: to }: AdvanceClockInput, now: number): number {
  if ((seconds === undefined) === (to === undefined)) {
    throw errors.invalidParameter("Either Seconds or To must be given");
  }
  if (to === undefined) {
    if (seconds === undefined || !(seconds >= 0 && seconds <= stepSecondsMax)) {
      throw errors.invalidParameter(`Invalid Seconds: ${seconds}. It must be from 0 to ${stepSecondsMax}`);
    }
    return Math.round(seconds * 1000);
  }
  const time = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$/.test(to) ? Date.parse(to) : Number.NaN;
  if (Number.isNaN(time)) {
    throw errors.invalidParameter(`Invalid To: ${to}. It must be a time like 2026-03-04T05:06:07Z`);
  }
  if (time < now) {
    throw errors.invalidParameter(
      `Invalid To: ${to}. It is before the clock's time, and a clock does not go backwards`,
    );
  }
  return time - now;
}

function describe({ clock, manualClock, trustedClock }: AdminServices): ClockDescription {
  return {
    Clock: manualClock === null ? "system" : "manual",
    Now: formatMilliseconds(new Date(clock.now())),
    PolicyNow: formatMilliseconds(new Date(trustedClock.policyNow())),
    PolicyTimeIsBehind: trustedClock.lag() !== null,
  };
}
