import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DiskModel, nothingUnsynced, type Survival } from "../../support/disk-rig/disk-model.ts";
import { Random } from "../../support/random.ts";
import { memoryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { lossesIn } from "./judge.ts";
import { Scheduler } from "./scheduler.ts";
import { simulatedDatabase } from "./simulated-database.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import type { Moment, Rows } from "./timeline.ts";
import { work } from "./workload.ts";

export interface CrashStatesOptions {
  readonly seed: number;
  /** How many states at least. */
  readonly count: number;
  readonly stopsAtViolation?: boolean;
}

export interface CrashStatesResult {
  readonly rig: "crash-states";
  readonly seed: number;
  readonly states: number;
  /** Orders in which the steps of a workload were carried out. */
  readonly orders: number;
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** In the first of each moment everything unsynced is lost, in the second nothing, and in the others a part that differs. */
const statesOfMoment = 20;

/**
 * Runs the code that stores, deletes and sweeps over a file system and a database in memory, its steps in an order that follows
 * from the seed. Judges what a power cut could have left at each moment.
 */
export async function runCrashStates({
  seed,
  count,
  stopsAtViolation,
}: CrashStatesOptions): Promise<CrashStatesResult> {
  const began = performance.now();
  await using folder = await temporaryFolder(memoryFolder);
  // The store's lock of removals lies in a real folder.
  const root = join(folder.path, "data");
  await mkdir(root);
  const findingsMax = stopsAtViolation === true ? 1 : 20;
  const findings: string[] = [];
  let [states, orders] = [0, 0];
  while (states < count && findings.length < findingsMax) {
    const random = new Random(seed + orders);
    const { moments, contents } = await runWorkload(root, join(folder.path, `${orders}.db`), random);
    states += moments.length * statesOfMoment;
    for (const { at, loss } of judgeMoments(root, moments, contents, random)) {
      findings.push(`seed ${seed + orders}, moment ${at}: ${loss}`);
      if (findings.length === findingsMax) {
        break;
      }
    }
    orders += 1;
  }
  return { rig: "crash-states", seed, states, orders, findings, seconds: (performance.now() - began) / 1000 };
}

async function runWorkload(root: string, databaseFile: string, random: Random) {
  const moments: Moment[] = [];
  const report = (moment: Moment) => void moments.push(moment);
  const scheduler = new Scheduler(random);
  const disk = new SimulatedDisk(root, scheduler, (event) => report({ kind: "disk", event }));
  const metadata = await simulatedDatabase(databaseFile, scheduler, report);
  const contents = await scheduler.run(work({ root, disk, metadata, random, report }));
  await metadata.close();
  return { moments, contents };
}

function* judgeMoments(
  root: string,
  moments: readonly Moment[],
  contents: ReadonlyMap<string, Buffer>,
  random: Random,
): Generator<{ readonly at: number; readonly loss: string }> {
  const model = new DiskModel(root);
  const written: Rows[] = [new Map()];
  let durable = 0;
  const stored = new Set<string>();
  const deleted = new Set<string>();
  for (const [at, moment] of moments.entries()) {
    switch (moment.kind) {
      case "disk":
        model.apply(moment.event);
        break;
      case "written":
        written.push(moment.rows);
        break;
      case "durable":
        durable = written.length - 1;
        break;
      case "stored":
        stored.add(moment.ownerId);
        break;
      case "deletion begins":
        stored.delete(moment.ownerId);
        break;
      case "deleted":
        deleted.add(moment.ownerId);
        break;
    }
    for (let number = 0; number < statesOfMoment; number += 1) {
      const rows = written[number === 0 ? durable : random.whole(durable, written.length - 1)] ?? new Map();
      const files = new Map(model.image(survivalOf(number, random)));
      for (const loss of lossesIn({ files, rows, stored, deleted }, { blobs: `${root}/blobs`, contents })) {
        yield { at, loss };
      }
    }
  }
}

function survivalOf(number: number, random: Random): Survival {
  if (number < 2) {
    return number === 0 ? nothingUnsynced : () => true;
  }
  const chance = random.fraction();
  return () => random.fraction() < chance;
}
