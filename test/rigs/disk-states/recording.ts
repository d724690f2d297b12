import { join } from "node:path";
import { DiskRig, type FaultRule } from "../../support/disk-rig/rig.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { History } from "../../support/history/calls.ts";
import { type NodeCommand, startServer } from "../../support/server-process.ts";
import { historyAt, makeInTurn, type RecordedStep } from "../recorded-steps.ts";
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
  const traceBytes = () => rig.traceBytes();
  const stepsBefore = await makeInTurn(before, caller, traceBytes);
  const interruptedAt = await rig.traceBytes();
  await rig.fail(...(fault === undefined ? [] : [fault]));
  const steps = [...stepsBefore, ...(await makeInTurn(interrupted, caller, traceBytes))];
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
    historyAt: (count) => historyAt(placed, count),
    [Symbol.asyncDispose]: async () => caller.close(),
  };
}

/** A step with the events between which the server worked at it, of which the last is its response. */
const placedIn = (events: readonly TraceEvent[], step: RecordedStep): RecordedStep => ({
  ...step,
  beganAt: countUpTo(events, step.beganAt),
  endedAt: 1 + events.findLastIndex(({ kind, endOffset }) => kind === "send" && endOffset <= step.endedAt),
});

const countUpTo = (events: readonly TraceEvent[], offset: number): number =>
  events.filter(({ endOffset }) => endOffset <= offset).length;
