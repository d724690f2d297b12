import { plus, type Work } from "../work.ts";
import { bytesWithin, fitsAt, type HourlyWindow } from "./hourly-window.ts";
import { type Speed, secondsFor } from "./speed.ts";

export const tiers = ["Expedited", "Standard", "Bulk"] as const;
export type Tier = (typeof tiers)[number];

/** Limits that the user has set. */
export interface ScheduleLimits {
  readonly tier: Tier;
  /** The tier of jobs for which the service has no capacity in the other; null waits for it. */
  readonly fallbackTier: Tier | null;
  readonly retrievalBytesPerHour: number | null;
  /** In US dollars, for all that was requested so far and will be. */
  readonly costMax: number | null;
}

/** All that the next decision depends on, but the archive. Times are milliseconds on a clock that does not go back. */
export interface ScheduleState {
  /** Requested, and not yet fetched. */
  readonly ahead: Work;
  /** Requests for jobs that wait for their response. */
  readonly requesting: number;
  /** As many may wait at once as the service takes without throttling. */
  readonly requestingMax: number;
  readonly speed: Speed;
  /** A limit that the user has set on the bandwidth, on average over the next hours; null for none. */
  readonly bytesPerSecondMax: number | null;
  /** From a request to its output, as last measured; null before the first. */
  readonly latencySeconds: number | null;
  readonly hour: HourlyWindow;
  readonly spentUsd: number;
  /** The service refuses requests until then. */
  readonly refusedUntil: number;
  readonly refusal: Refusal | null;
  /** The other tier is used until then. */
  readonly fallbackUntil: number;
}

/** A reason for which the service takes no request for now. */
export type Refusal = "policy" | "capacity" | "throttled" | "jobs-in-progress" | "unavailable";

/** The archive that is next to be requested. */
export interface Candidate {
  readonly bytes: number;
  /** The price of its job in each tier, in US dollars. */
  readonly usd: Readonly<Record<Tier, number>>;
}

export type Decision =
  | { readonly kind: "request"; readonly tier: Tier }
  /** Until then, or until something is fetched or responded to. */
  | { readonly kind: "wait"; readonly reason: "ahead" | "requesting" | "hour" | Refusal; readonly until: number | null }
  /** It never fits into the hour. */
  | { readonly kind: "too-large" }
  | { readonly kind: "cost-cap"; readonly usd: number };

/** How long a service takes for a tier, until it is measured. */
const usualLatencySeconds: Readonly<Record<Tier, number>> = {
  Expedited: 10 * 60,
  Standard: 5 * 3600,
  Bulk: 12 * 3600,
};

/** Outputs last for 24 hours. The rest is for lines that become slower, and for the outage of a night. */
const horizonSecondsMax = 0.6 * 24 * 3600;
const horizonSecondsMin = 15 * 60;

/** Decides about the next archive. */
export function decide(state: ScheduleState, limits: ScheduleLimits, candidate: Candidate, now: number): Decision {
  if (now < state.refusedUntil && state.refusal !== null) {
    return { kind: "wait", reason: state.refusal, until: state.refusedUntil };
  }
  if (state.requesting >= state.requestingMax) {
    return { kind: "wait", reason: "requesting", until: null };
  }
  if (!fitsAhead(state, limits, candidate)) {
    return { kind: "wait", reason: "ahead", until: null };
  }
  const tier = now < state.fallbackUntil && limits.fallbackTier !== null ? limits.fallbackTier : limits.tier;
  if (limits.costMax !== null && state.spentUsd + candidate.usd[tier] > limits.costMax) {
    return { kind: "cost-cap", usd: state.spentUsd + candidate.usd[tier] };
  }
  return withinHour(state, limits, candidate, now) ?? { kind: "request", tier };
}

function withinHour(
  { hour }: ScheduleState,
  { retrievalBytesPerHour }: ScheduleLimits,
  { bytes }: Candidate,
  now: number,
): Decision | null {
  if (retrievalBytesPerHour === null || bytesWithin(hour, now) + bytes <= retrievalBytesPerHour) {
    return null;
  }
  const until = fitsAt(hour, bytes, retrievalBytesPerHour, now);
  return until === null ? { kind: "too-large" } : { kind: "wait", reason: "hour", until };
}

/**
 * Whether all that is requested can be fetched soon enough. Everything before an output is fetched within the horizon, and the output lasts
 * longer than that. One that alone takes longer counts as half of the horizon: it is fetched by several jobs anyway, and nothing else is
 * requested until most of it is there.
 */
function fitsAhead(state: ScheduleState, limits: ScheduleLimits, { bytes }: Candidate): boolean {
  const { ahead, speed, bytesPerSecondMax } = state;
  if (ahead.archives === 0) {
    return true;
  }
  const horizonSeconds = horizonOf(state, limits);
  const own = secondsFor(speed, { archives: 1, bytes }, bytesPerSecondMax);
  return secondsFor(speed, ahead, bytesPerSecondMax) + Math.min(own, horizonSeconds / 2) <= horizonSeconds;
}

/** Returns how far ahead is requested: far enough that the line has work until the next outputs are ready. */
export function horizonOf(
  { latencySeconds }: Pick<ScheduleState, "latencySeconds">,
  { tier }: Pick<ScheduleLimits, "tier">,
): number {
  const latency = latencySeconds ?? usualLatencySeconds[tier];
  return Math.min(horizonSecondsMax, Math.max(horizonSecondsMin, 1.5 * latency + horizonSecondsMin));
}

/** Returns the expected latency after another job has succeeded: the longest of late, since an estimate that is too short leaves the line idle. */
export function learnedLatency(latencySeconds: number | null, measuredSeconds: number): number {
  const measured = Math.max(0, measuredSeconds);
  return latencySeconds === null || measured > latencySeconds
    ? measured
    : latencySeconds + (measured - latencySeconds) * 0.02;
}

/** Most requests at once that are of use: each takes some tens of milliseconds. */
const requestingMaxMax = 32;
export const requestingAtFirst = 8;

/** Returns the state after a request was accepted. */
export function accepted(state: ScheduleState): ScheduleState {
  const requestingMax = Math.min(requestingMaxMax, state.requestingMax + 1 / state.requestingMax);
  return { ...state, requestingMax, refusal: null, refusedUntil: 0 };
}

/**
 * How long no request is sent after a refusal, at first and at most. It doubles with each refusal in a row. Seven minutes, and no part of an
 * hour: a service that accepts jobs in the last minutes of each hour would never be asked then.
 */
const pauseSeconds: Readonly<Record<Refusal, readonly [first: number, most: number]>> = {
  policy: [60, 420],
  capacity: [60, 420],
  throttled: [2, 120],
  "jobs-in-progress": [5, 300],
  unavailable: [5, 300],
};

/** How long the other tier is used after a lack of capacity. */
const fallbackMilliseconds = 15 * 60_000;

/** Returns the state after the service has refused a request for a while. */
export function refused(
  state: ScheduleState,
  limits: ScheduleLimits,
  refusal: Refusal,
  { refusals, now }: { readonly refusals: number; readonly now: number },
): ScheduleState {
  if (refusal === "capacity" && limits.fallbackTier !== null && now >= state.fallbackUntil) {
    return { ...state, fallbackUntil: now + fallbackMilliseconds };
  }
  const [first, most] = pauseSeconds[refusal];
  const pause = Math.min(most, first * 2 ** Math.max(0, refusals - 1)) * 1000;
  const requestingMax = refusal === "throttled" ? Math.max(1, state.requestingMax / 2) : state.requestingMax;
  return { ...state, requestingMax, refusal, refusedUntil: Math.max(state.refusedUntil, now + pause) };
}

/** Returns the state after an archive was requested: when the request is sent, whatever becomes of it. */
export function requested(
  state: ScheduleState,
  { bytes, usd }: { bytes: number; usd: number },
  hour: HourlyWindow,
): ScheduleState {
  return { ...state, ahead: plus(state.ahead, { archives: 1, bytes }), spentUsd: state.spentUsd + usd, hour };
}
