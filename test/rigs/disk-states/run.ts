import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { DiskModel } from "../../support/disk-rig/disk-model.ts";
import type { FaultRule } from "../../support/disk-rig/rig.ts";
import { Random } from "../../support/random.ts";
import { memoryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { examine } from "../examine.ts";
import { type ScenarioName, scenarios } from "../scenarios.ts";
import type { Examination } from "../surroundings/surroundings.ts";
import type { FoundViolation } from "../violations.ts";
import { type Cut, kills, powerCuts } from "./cuts.ts";
import { type Recording, record } from "./recording.ts";

export interface DiskStatesOptions {
  /** @default both */
  readonly kinds?: readonly Cut["kind"][];
  readonly scenario: ScenarioName;
  /** Decides which unsynced changes survive a power cut. */
  readonly seed: number;
  /** Each state of this many is examined. @default 1 */
  readonly stride?: number;
  /** Calls of the recorded server that fail. @default none */
  readonly fault?: FaultRule;
  readonly stopsAtViolation?: boolean;
}

export interface DiskStatesResult {
  readonly rig: "disk-states";
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** How many states were examined. */
  readonly states: Readonly<Record<Cut["kind"], number>>;
  readonly violations: readonly FoundViolation[];
  /** Findings of `moraine verify`, and starts that failed. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/**
 * Records what a server does to its folder during a scenario. Makes the folders that a kill or a power cut could have left at each
 * moment, starts the service on each, and judges what clients see of it and what `moraine verify` says of it.
 */
export async function runDiskStates(options: DiskStatesOptions): Promise<DiskStatesResult> {
  const { kinds = ["kill", "power cut"], scenario, seed, stride = 1, stopsAtViolation = false, ...server } = options;
  const began = performance.now();
  await using folder = await temporaryFolder();
  await using recording = await record(folder.path, scenarios[scenario]("v"), server);
  await using images = await temporaryFolder(memoryFolder);
  const violations: FoundViolation[] = [];
  const findings: string[] = [];
  const states = { kill: 0, "power cut": 0 };
  for (const kind of kinds) {
    const advance = replay(recording, kind);
    for (const cut of everyNth(stride, cutsOf(kind, recording, seed))) {
      const path = join(images.path, "image");
      await advance(cut.events).materialize(
        path,
        cut.survives,
        (file) => file !== join(recording.root, "data/ballast"),
      );
      const found = await examineCut(recording, cut, path);
      await rm(path, { recursive: true });
      states[kind] += 1;
      violations.push(...found.violations);
      findings.push(...found.findings.map((text) => `${kind} ${states[kind]}: ${text}`));
      if (stopsAtViolation && violations.length + findings.length > 0) {
        break;
      }
    }
  }
  const seconds = (performance.now() - began) / 1000;
  return { rig: "disk-states", scenario, seed, states, violations, findings, seconds };
}

function* everyNth<Item>(stride: number, items: Iterable<Item>): Generator<Item> {
  let index = 0;
  for (const item of items) {
    if (index % stride === 0) {
      yield item;
    }
    index += 1;
  }
}

const cutsOf = (kind: Cut["kind"], { events, interruptedFrom }: Recording, seed: number): Iterable<Cut> =>
  kind === "kill" ? kills(events, interruptedFrom) : powerCuts(events, interruptedFrom, new Random(seed));

/** Returns a function that replays up to this many events, and never fewer than before. */
function replay({ models, events }: Recording, kind: Cut["kind"]) {
  const model = models[kind];
  let applied = 0;
  return (count: number): DiskModel => {
    for (const event of events.slice(applied, count)) {
      model.apply(event);
    }
    applied = count;
    return model;
  };
}

async function examineCut(recording: Recording, cut: Cut, disk: string): Promise<Examination> {
  const { events, surroundings, caller } = recording;
  const recovery = await surroundings.recover?.({ disk, traceBytes: events[cut.events - 1]?.endOffset ?? 0 });
  return examine(caller, recording.historyAt(cut.events), join(disk, "data"), recovery);
}
