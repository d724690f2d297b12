import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DiskRig, type FaultRule } from "../../support/disk-rig/rig.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, History } from "../../support/history/calls.ts";
import { HistoryRecorder } from "../../support/history/recorder.ts";
import { type ServerOptions, startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { examine } from "../examine.ts";
import type { Scenario } from "../scenarios.ts";
import { makeOlder } from "../surroundings/older-folder.ts";
import { type Examination, noSurroundings, type Surroundings } from "../surroundings/surroundings.ts";

interface FreshFolder extends AsyncDisposable {
  /** Runs the scenario from its calls of interest on, on a copy of the folder as it was before. */
  run(rule: Omit<FaultRule, "call" | "pattern">): Promise<Examination & { readonly isReached: boolean }>;
}

/** An interrupted job waits for its lease, or for the next start. */
const jobSecondsMax = 1;

/** Prepares a scenario of which each interruption begins with a folder of its own: of a start, or of more than one program. */
export async function freshFolder(scenario: Scenario, files: string): Promise<FreshFolder> {
  const started = new AsyncDisposableStack();
  const folder = started.use(await temporaryFolder()).path;
  const [disk, template] = [join(folder, "disk"), join(folder, "before")];
  await mkdir(join(disk, "data"), { recursive: true, mode: 0o700 });
  const rig = await DiskRig.create(folder, null);
  const open = scenario.surroundings ?? noSurroundings;
  const surroundings = started.use(
    await open({ folder, disk, environment: rig.environment, traceBytes: () => rig.traceBytes() }),
  );
  const server = { dataFolder: join(disk, "data"), environment: rig.environment };
  const known = new HistoryCaller("http://unused", "");
  const before = await prepare(scenario, { server, surroundings, caller: known });
  await cp(disk, template, { recursive: true, preserveTimestamps: true });
  return {
    async run(rule) {
      await rm(disk, { recursive: true });
      await cp(template, disk, { recursive: true, preserveTimestamps: true });
      const caller = known.copy();
      const faultsBefore = await rig.faultCount();
      const fail = () => rig.fail({ ...rule, call: "any", pattern: `${disk}/${files}` });
      const history = await interrupt(scenario, { server, surroundings, caller, before, fail });
      await rig.lift();
      const isReached = (await rig.faultCount()) > faultsBefore;
      const recovery = await surroundings.recover?.({ disk, traceBytes: Number.POSITIVE_INFINITY });
      const found = await examine(caller, history, join(disk, "data"), recovery);
      caller.close();
      return { ...found, isReached };
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

interface Setting {
  readonly server: ServerOptions & { readonly dataFolder: string };
  readonly surroundings: Surroundings;
  readonly caller: HistoryCaller;
}

async function prepare({ before, isOlder }: Scenario, setting: Setting): Promise<History> {
  const { server, surroundings, caller } = setting;
  await using first = await startServer({ ...server, flags: surroundings.flags ?? [] });
  caller.moveTo(first.url);
  const recorder = HistoryRecorder.continuing([]);
  await inTurn(before, { ...setting, recorder });
  await first.stop();
  caller.close();
  if (isOlder === true) {
    await makeOlder(server.dataFolder);
  }
  await rm(join(server.dataFolder, "ballast"), { force: true });
  return recorder.entries;
}

/** Returns all that the client saw. A server may refuse to start, or end, at any time. */
async function interrupt(
  { interrupted, isOlder, restarts }: Scenario,
  setting: Setting & { readonly before: History; fail(): Promise<void> },
): Promise<History> {
  const { server, surroundings, caller, before, fail } = setting;
  const { flags = [], flagsOfRestart = flags } = surroundings;
  const recorder = HistoryRecorder.continuing(before);
  caller.jobSecondsMax = jobSecondsMax;
  await (isOlder === true ? fail() : undefined);
  try {
    await using first = await startServer({ ...server, flags });
    caller.moveTo(first.url);
    await (isOlder === true ? undefined : fail());
    await inTurn(interrupted, { ...setting, recorder });
    if (restarts === true) {
      await first.stop();
      await using next = await startServer({ ...server, flags: flagsOfRestart });
      await next.kill();
    }
  } catch {
    // The disk is examined in any case.
  }
  caller.jobSecondsMax = 60;
  await recorder.note("restart");
  return recorder.entries;
}

async function inTurn(
  calls: readonly Call[],
  { surroundings, caller, recorder }: Setting & { readonly recorder: HistoryRecorder },
): Promise<void> {
  for (const call of calls) {
    await recorder.record(call, (each) => surroundings.perform?.(each) ?? caller.perform(each));
  }
}
