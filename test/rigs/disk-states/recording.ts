import { join } from "node:path";
import { DiskRig, type FaultRule } from "../../support/disk-rig/rig.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, Entry, History, Outcome } from "../../support/history/calls.ts";
import { type NodeCommand, startServer } from "../../support/server-process.ts";
import type { Scenario } from "../scenarios.ts";

/** All that a server did to its data folder while it served the calls of a scenario, one after another. */
export interface Recording extends AsyncDisposable {
  readonly root: string;
  readonly events: readonly TraceEvent[];
  /** The event from which on the calls of interest were made. */
  readonly interruptedFrom: number;
  /** Knows the ids that the responses gave. */
  readonly caller: HistoryCaller;
  /** Returns the history as the client knew it when this many of the events had happened, and the server ended there. */
  historyAt(events: number): History;
}

interface RecordingOptions {
  readonly command?: NodeCommand;
  /** Calls to the system that fail while the calls of interest are made. */
  readonly fault?: FaultRule;
}

/** A call and its outcome, with the length of the trace before it was made and when its response had come. */
interface Step {
  readonly call: Call;
  readonly outcome: Outcome;
  readonly beganAt: number;
  readonly endedAt: number;
}

/** @param folder where the data folder is made, and the rig keeps its own files */
export async function record(
  folder: string,
  { before, interrupted, restarts }: Scenario,
  { command, fault }: RecordingOptions,
): Promise<Recording> {
  const root = join(folder, "data");
  const rig = await DiskRig.create(folder, root);
  const options = { dataFolder: root, environment: rig.environment, ...(command !== undefined && { command }) };
  await using server = await startServer(options);
  const caller = new HistoryCaller(server.url, "");
  const stepsBefore = await makeInTurn(before, rig, caller);
  const interruptedAt = await rig.traceBytes();
  await rig.fail(...(fault === undefined ? [] : [fault]));
  const steps = [...stepsBefore, ...(await makeInTurn(interrupted, rig, caller))];
  if (restarts === true) {
    await server.stop();
    await using next = await startServer(options);
    await next.kill();
  } else {
    await server.kill();
  }
  const events = await rig.events();
  const placed = steps.map((step) => placedIn(events, step));
  return {
    ...{ root, caller, events },
    interruptedFrom: countUpTo(events, interruptedAt),
    historyAt: (count) => [...placed.flatMap((step, index) => entriesOf(step, index + 1, count)), { event: "restart" }],
    [Symbol.asyncDispose]: async () => caller.close(),
  };
}

async function makeInTurn(calls: readonly Call[], rig: DiskRig, caller: HistoryCaller): Promise<Step[]> {
  const steps: Step[] = [];
  for (const call of calls) {
    const beganAt = await rig.traceBytes();
    const outcome = await caller.perform(call);
    steps.push({ call, outcome, beganAt, endedAt: await rig.traceBytes() });
  }
  return steps;
}

/** A step with the events between which the server worked at it, of which the last is its response. */
interface PlacedStep extends Step {
  readonly firstEvent: number;
  readonly lastEvent: number;
}

const placedIn = (events: readonly TraceEvent[], step: Step): PlacedStep => ({
  ...step,
  firstEvent: countUpTo(events, step.beganAt),
  lastEvent: events.findLastIndex(({ kind, endOffset }) => kind === "send" && endOffset <= step.endedAt),
});

const countUpTo = (events: readonly TraceEvent[], offset: number): number =>
  events.filter(({ endOffset }) => endOffset <= offset).length;

function entriesOf({ call, outcome, firstEvent, lastEvent }: PlacedStep, number: number, count: number): Entry[] {
  const begin = { begin: number, call };
  const end = { end: number, outcome };
  return [...(firstEvent < count ? [begin] : []), ...(lastEvent < count ? [end] : [])];
}
