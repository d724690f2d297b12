import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DiskModel } from "../../support/disk-rig/disk-model.ts";
import { DiskRig, type FaultRule } from "../../support/disk-rig/rig.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, History } from "../../support/history/calls.ts";
import { startServer } from "../../support/server-process.ts";
import { historyAt, makeInTurn, type RecordedStep } from "../recorded-steps.ts";
import type { Scenario } from "../scenarios.ts";
import { makeOlder } from "../surroundings/older-folder.ts";
import { noSurroundings, type Surroundings } from "../surroundings/surroundings.ts";
import type { Cut } from "./cuts.ts";

/** All that a server did to its data folder while it served the calls of a scenario, one after another. */
export interface Recording extends AsyncDisposable {
  /** The disk, in which `data` is the data folder. */
  readonly root: string;
  /** The disk before the first event, for each kind of ends. */
  readonly models: Readonly<Record<Cut["kind"], DiskModel>>;
  readonly surroundings: Surroundings;
  readonly events: readonly TraceEvent[];
  /** The event from which on the calls of interest were made. */
  readonly interruptedFrom: number;
  /** Knows the ids that the responses gave. */
  readonly caller: HistoryCaller;
  /** Returns the history as the client knew it when this many of the events had happened, and the server ended there. */
  historyAt(events: number): History;
}

interface RecordingOptions {
  /** Calls to the system that fail while the calls of interest are made. */
  readonly fault?: FaultRule;
}

/** @param folder where the disk is made, and the rig keeps its own files */
export async function record(
  folder: string,
  { before, interrupted, restarts, isOlder, surroundings: open = noSurroundings }: Scenario,
  { fault }: RecordingOptions,
): Promise<Recording> {
  const root = join(folder, "disk");
  const dataFolder = join(root, "data");
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const rig = await DiskRig.create(folder, root);
  const traceBytes = () => rig.traceBytes();
  const surroundings = await open({ folder, disk: root, environment: rig.environment, traceBytes });
  const { flags = [], flagsOfRestart = flags } = surroundings;
  const caller = new HistoryCaller("http://unused", "");
  const perform = (call: Call) => surroundings.perform?.(call) ?? caller.perform(call);
  const earlier = isOlder === true ? await makeEarlier(before, dataFolder, caller) : [];
  const models = { kill: await DiskModel.of(root), "power cut": await DiskModel.of(root) };
  const options = { dataFolder, environment: rig.environment };
  await using server = await startServer({ ...options, flags });
  caller.moveTo(server.url);
  const stepsBefore = isOlder === true ? [] : await makeInTurn(before, { perform }, traceBytes);
  const interruptedAt = isOlder === true ? 0 : traceBytes();
  await rig.fail(...(fault === undefined ? [] : [fault]));
  const steps = [...stepsBefore, ...(await makeInTurn(interrupted, { perform }, traceBytes))];
  if (restarts === true) {
    await server.stop();
    await using next = await startServer({ ...options, flags: flagsOfRestart });
    await next.kill();
  } else {
    await server.kill();
  }
  const events = await rig.events();
  const placed = [...earlier, ...steps.map((step) => placedIn(events, step))];
  return {
    ...{ root, models, caller, surroundings, events },
    interruptedFrom: countUpTo(events, interruptedAt),
    historyAt: (count) => historyAt(placed, count),
    async [Symbol.asyncDispose]() {
      caller.close();
      await surroundings[Symbol.asyncDispose]();
    },
  };
}

/** Makes the calls on a server that is not recorded, and leaves the folder of an earlier version. */
async function makeEarlier(calls: readonly Call[], dataFolder: string, caller: HistoryCaller): Promise<RecordedStep[]> {
  await using server = await startServer({ dataFolder });
  caller.moveTo(server.url);
  const steps = await makeInTurn(calls, caller, () => 0);
  await server.stop();
  await makeOlder(dataFolder);
  return steps.map((step) => ({ ...step, beganAt: -1 }));
}

/**
 * A step with the events between which the server worked at it, of which the last is its response. A backup's are all of its
 * program.
 */
const placedIn = (events: readonly TraceEvent[], step: RecordedStep): RecordedStep => ({
  ...step,
  beganAt: countUpTo(events, step.beganAt),
  endedAt:
    step.call.op === "BackUp"
      ? countUpTo(events, step.endedAt)
      : 1 + events.findLastIndex(({ kind, endOffset }) => kind === "send" && endOffset <= step.endedAt),
});

const countUpTo = (events: readonly TraceEvent[], offset: number): number =>
  events.filter(({ endOffset }) => endOffset <= offset).length;
