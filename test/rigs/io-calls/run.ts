import { join } from "node:path";
import { DiskRig, type FaultOutcome } from "../../support/disk-rig/rig.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call } from "../../support/history/calls.ts";
import { observe } from "../../support/history/observe.ts";
import { HistoryRecorder } from "../../support/history/recorder.ts";
import { assertNoOrphans } from "../../support/kill-rig/audit.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { isPlain, type Scenario, type ScenarioName, scenarios } from "../scenarios.ts";
import { type FoundViolation, violationsOf } from "../violations.ts";
import { freshFolder } from "./fresh-folders.ts";
import { Servers } from "./servers.ts";

export interface IoCallsOptions {
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  /**
   * A glob of paths in the data folder, or of those on its disk if the scenario begins with a folder of its own, in which `*` matches slashes too. Threads that work at once make the number of a call among
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
  readonly stopsAtViolation?: boolean;
}

export interface IoCallsResult {
  readonly rig: "io-calls";
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  readonly points: number;
  readonly restarts: number;
  readonly violations: readonly FoundViolation[];
  /** Findings of `moraine verify`, and starts that failed. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** Histories that wait for the next start: a server that survives a fault serves the next one too. */
const unjudgedMax = 20;

/** A job whose work was interrupted waits for its lease, or for the next start. */
const interruptedJobSecondsMax = 1;
const observedJobSecondsMax = 60;

interface Unjudged {
  readonly recorder: HistoryRecorder;
  readonly caller: HistoryCaller;
}

/**
 * Runs a scenario again and again, and each time another one of the server's calls that change files fails, or the server is
 * killed there. Then a server is started without faults, and everything that the clients saw is judged. Ends with the first run
 * in which there was no such call any more.
 */
export async function runIoCalls(options: IoCallsOptions): Promise<IoCallsResult> {
  const began = performance.now();
  const scenario: Scenario = scenarios[options.scenario]("v");
  const isShared = isPlain(scenario) && scenario.restarts !== true;
  const counts = isShared ? await interruptOneServer(options) : await interruptFresh(scenario, options);
  const seconds = (performance.now() - began) / 1000;
  return { rig: "io-calls", scenario: options.scenario, outcome: options.outcome, ...counts, seconds };
}

type Counts = Pick<IoCallsResult, "points" | "restarts" | "violations" | "findings">;

/** Each interruption has a folder and servers of its own. */
async function interruptFresh(scenario: Scenario, options: IoCallsOptions): Promise<Counts> {
  const { outcome, files = "*", first = 1, stride = 1, pointsMax = Number.POSITIVE_INFINITY } = options;
  await using folder = await freshFolder(scenario, files);
  const violations: FoundViolation[] = [];
  const findings: string[] = [];
  let points = 0;
  for (let number = first; points < pointsMax; number += stride) {
    const found = await folder.run({ first: number, count: 1, outcome });
    violations.push(...found.violations);
    findings.push(...found.findings.map((text) => `call ${number}: ${text}`));
    if (!found.isReached) {
      break;
    }
    points += 1;
    if (options.stopsAtViolation === true && violations.length + findings.length > 0) {
      break;
    }
  }
  return { points, restarts: points, violations, findings };
}

async function interruptOneServer(options: IoCallsOptions): Promise<Counts> {
  const { first = 1, stride = 1, pointsMax = Number.POSITIVE_INFINITY } = options;
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const rig = await DiskRig.create(folder.path, null);
  await using servers = await Servers.start({ dataFolder, rig });
  const unjudged: Unjudged[] = [];
  const violations: FoundViolation[] = [];
  let [points, restarts, isReached] = [0, 0, true];
  for (let number = first; isReached && points < pointsMax; number += stride) {
    const recorder = await HistoryRecorder.create(join(folder.path, `history-${number}`));
    const vault = `point-${String(number).padStart(5, "0")}`;
    const caller = new HistoryCaller(servers.url, vault);
    caller.jobSecondsMax = interruptedJobSecondsMax;
    unjudged.push({ recorder, caller });
    isReached = await interrupt({ ...options, vault, number, recorder, caller }, { rig, servers });
    points += isReached ? 1 : 0;
    const isLast = !isReached || points === pointsMax;
    if (isLast || unjudged.length === unjudgedMax || !(await servers.isReady())) {
      await servers.restart();
      restarts += 1;
      violations.push(...(await judge(unjudged.splice(0), servers.url)));
    }
    if (options.stopsAtViolation === true && violations.length > 0) {
      break;
    }
  }
  if (violations.length === 0) {
    await servers.stop();
    await assertNoOrphans(dataFolder);
  }
  return { points, restarts, violations, findings: [] };
}

interface Interruption extends Unjudged {
  readonly vault: string;
  readonly number: number;
  readonly scenario: ScenarioName;
  readonly outcome: FaultOutcome;
  readonly files?: string;
}

/** False when the scenario makes fewer calls. */
async function interrupt(
  { vault, number, recorder, caller, scenario, outcome, files = "*" }: Interruption,
  { rig, servers }: { readonly rig: DiskRig; readonly servers: Servers },
): Promise<boolean> {
  const { before, interrupted } = scenarios[scenario](vault);
  await inTurn(before, { recorder, caller });
  const faultsBefore = await rig.faultCount();
  await rig.fail({ call: "any", pattern: `${servers.dataFolder}/${files}`, first: number, count: 1, outcome });
  await inTurn(interrupted, { recorder, caller });
  await rig.lift();
  return (await rig.faultCount()) > faultsBefore;
}

/** Observes what a server shows that was started after all of it. */
async function judge(histories: readonly Unjudged[], url: string): Promise<FoundViolation[]> {
  const violations: FoundViolation[] = [];
  for (const { recorder, caller } of histories) {
    await recorder.note("restart");
    caller.moveTo(url);
    caller.jobSecondsMax = observedJobSecondsMax;
    await observe(recorder, (call) => recorder.record(call, (each) => caller.perform(each)));
    caller.close();
    await recorder[Symbol.asyncDispose]();
    violations.push(...violationsOf(recorder.entries));
  }
  return violations;
}

async function inTurn(calls: readonly Call[], { recorder, caller }: Unjudged): Promise<void> {
  for (const call of calls) {
    await recorder.record(call, (each) => caller.perform(each));
  }
}
