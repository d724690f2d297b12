import { join } from "node:path";
import { DiskRig, type FaultOutcome } from "../../support/disk-rig/rig.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, History } from "../../support/history/calls.ts";
import { observe } from "../../support/history/observe.ts";
import { HistoryRecorder } from "../../support/history/recorder.ts";
import { assertNoOrphans } from "../../support/kill-rig/audit.ts";
import type { NodeCommand } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { type ScenarioName, scenarios } from "../scenarios.ts";
import { type FoundViolation, violationsOf } from "../violations.ts";
import { Servers } from "./servers.ts";

export interface IoCallsOptions {
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  /**
   * A glob of paths in the data folder, in which `*` matches slashes too. Threads that work at once make the number of a call among
   * all files vary.
   * @default "*"
   */
  readonly files?: string;
  /** The first call to the system that is interrupted, from 1. @default 1 */
  readonly first?: number;
  /** Each call of this many is interrupted. @default 1 */
  readonly stride?: number;
  /** Ends after this many, whether or not there are more. @default Infinity */
  readonly pointsMax?: number;
  readonly command?: NodeCommand;
  readonly stopsAtViolation?: boolean;
}

export interface IoCallsResult {
  readonly rig: "io-calls";
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  readonly points: number;
  readonly violations: readonly FoundViolation[];
  readonly seconds: number;
}

/**
 * Runs a scenario again and again, and each time another one of the server's calls that change files fails, or the server is
 * killed there. Then a server is started without faults, and everything that the clients saw is judged. Ends with the first run
 * in which there was no such call any more.
 */
export async function runIoCalls(options: IoCallsOptions): Promise<IoCallsResult> {
  const { scenario, outcome, files = "*", first = 1, stride = 1, pointsMax = Number.POSITIVE_INFINITY } = options;
  const began = performance.now();
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const rig = await DiskRig.create(folder.path, null);
  await using servers = await Servers.start({ dataFolder, rig, command: options.command });
  const violations: FoundViolation[] = [];
  let points = 0;
  for (let number = first; points < pointsMax; number += stride) {
    const path = join(folder.path, `history-${number}`);
    const { isReached, history } = await interrupt({ number, path, rig, servers, scenario, outcome, files });
    violations.push(...violationsOf(history));
    points += isReached ? 1 : 0;
    if (!isReached || (options.stopsAtViolation === true && violations.length > 0)) {
      break;
    }
  }
  if (violations.length === 0) {
    await servers.stop();
    await assertNoOrphans(dataFolder);
  }
  return { rig: "io-calls", scenario, outcome, points, violations, seconds: (performance.now() - began) / 1000 };
}

interface Interruption {
  readonly number: number;
  readonly path: string;
  readonly rig: DiskRig;
  readonly servers: Servers;
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  readonly files: string;
}

async function interrupt({ number, path, rig, servers, scenario, outcome, files }: Interruption) {
  const vault = `v${number}`;
  const { before, interrupted } = scenarios[scenario](vault);
  await using recorder = await HistoryRecorder.create(path);
  const caller = new HistoryCaller(servers.url, vault);
  const make = async (call: Call) => {
    await recorder.record(call, (each) => caller.perform(each));
  };
  await inTurn(before, make);
  const faultsBefore = await rig.faultCount();
  await rig.fail({ call: "any", pattern: `${servers.dataFolder}/${files}`, first: number, count: 1, outcome });
  await inTurn(interrupted, make);
  const isReached = (await rig.faultCount()) > faultsBefore;
  await rig.lift();
  await servers.restart();
  await recorder.note("restart");
  caller.moveTo(servers.url);
  await observe(recorder, make);
  caller.close();
  return { isReached, history: recorder.entries as History };
}

async function inTurn(calls: readonly Call[], make: (call: Call) => Promise<void>): Promise<void> {
  for (const call of calls) {
    await make(call);
  }
}
