import { Fetcher, type FetchOptions } from "./fetching/fetcher.ts";
import { reconcileManifest } from "./recording/reconcile-manifest.ts";
import { Recorder } from "./recording/recorder.ts";
import { Candidates } from "./requests/candidates.ts";
import { JobWatch } from "./requests/job-watch.ts";
import { Requester } from "./requests/requester.ts";
import { type RescueParts, RescueState } from "./rescue-state.ts";
import { hourFromText } from "./schedule/hourly-window.ts";
import { requestingAtFirst, type ScheduleState } from "./schedule/schedule.ts";
import { type Speed, speedAtFirst } from "./schedule/speed.ts";
import { SpeedMeter } from "./schedule/speed-meter.ts";
import { nothing } from "./work.ts";

export interface RescueOptions extends FetchOptions {
  /** The expected speed of the line, used until it is measured. @default null, which assumes a slow line */
  readonly bandwidthBytesPerSecond?: number | null;
  /** Ends when nothing can be done without waiting. */
  readonly once: boolean;
  /** Called with the state, before anything is done. */
  readonly onState: (state: RescueState) => void;
}

/** Done: every archive is verified or given up. Waiting: jobs are in progress. */
export type RescueEnd = "done" | "waiting" | "cost-cap";

/**
 * Copies the selected archives to the target: requests jobs, fetches their outputs, records the copies. It may be ended at any time, and
 * continues with the next call. Resolves once all is done, or nothing else may be. Throws an error after which nothing can be done.
 */
export async function runRescue(parts: RescueParts, options: RescueOptions, signal: AbortSignal): Promise<RescueEnd> {
  const state = new RescueState(startState(parts, options), parts);
  options.onState(state);
  await reconcileManifest(parts, signal);
  const counts = await parts.selection.count(parts.copies, signal);
  Object.assign(state, counts);
  const recorder = new Recorder(parts, state);
  const jobs = new JobWatch(parts, state, recorder);
  const meter = new SpeedMeter(parts, state);
  const fetcher = new Fetcher(parts, state, { recorder, jobs, meter }, options);
  const requester = new Requester(parts, state, new Candidates(parts, state), recorder);
  await jobs.begin();
  return runLoops(state, { jobs, fetcher, requester }, options, signal);
}

function startState(
  { catalog, money, now }: RescueParts,
  { bandwidthBytesPerSecond = null }: RescueOptions,
): ScheduleState {
  const speed = catalog.facts.get("rescue-speed");
  return {
    ahead: nothing,
    requesting: 0,
    requestingMax: requestingAtFirst,
    speed: speed === null ? speedAtFirst(bandwidthBytesPerSecond) : (JSON.parse(speed) as Speed),
    bytesPerSecondMax: null,
    latencySeconds: null,
    hour: hourFromText(catalog.facts.get("rescue-hour"), now()),
    spentUsd: money.spentUsd(),
    refusedUntil: 0,
    refusal: null,
    fallbackUntil: 0,
  };
}

interface Loops {
  readonly jobs: JobWatch;
  readonly fetcher: Fetcher;
  readonly requester: Requester;
}

/** Runs the loops until one of them fails, or nothing is left to do for any. */
async function runLoops(
  state: RescueState,
  loops: Loops,
  { once }: RescueOptions,
  signal: AbortSignal,
): Promise<RescueEnd> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const failing = (error: unknown) => stop.abort(error);
  const running = [loops.jobs.run(either), loops.requester.run(either), loops.fetcher.run(either)].map((loop) =>
    loop.catch(failing),
  );
  let end: RescueEnd | null = null;
  while (end === null && !either.aborted) {
    await state.changed.wait(lookMilliseconds, state.changed.count, either);
    end = endOf(state, loops, once);
  }
  if (end !== null) {
    stop.abort();
  }
  await Promise.all(running);
  signal.throwIfAborted();
  if (end === null) {
    throw stop.signal.reason;
  }
  return end;
}

/** The end is looked for at each change, and at least this often. */
const lookMilliseconds = 1000;
/** Jobs of a service without delays are ready before the last of these looks. */
const quietLooksMin = 4;

function endOf(state: RescueState, { fetcher, requester }: Loops, once: boolean): RescueEnd | null {
  const isCertain = state.uncertain.size === 0;
  const isSettled = state.isListed && requester.isIdle && fetcher.isIdle && (isCertain || once);
  const isNothingAhead = isSettled && state.schedule.ahead.archives === 0;
  if (isNothingAhead && state.isCostCapReached) {
    return "cost-cap";
  }
  if (isNothingAhead && isCertain && state.areAllRequested && state.renewals.length === 0) {
    return "done";
  }
  const isQuiet = isSettled && state.quietLooks >= quietLooksMin;
  return once && (isQuiet || state.isTargetPaused) ? "waiting" : null;
}
