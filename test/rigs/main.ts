import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Extent, unitsOf } from "./extents.ts";
import { rigNames, runUnit } from "./run-unit.ts";
import type { RigName, Unit } from "./unit.ts";
import type { WorkerResult } from "./worker.ts";

// Runs the rigs, as many units at once as there are processors. Prints a line of JSON for each unit, and then again what was wrong in
// which unit; exits with 1 when the model forbids what a client saw, `moraine verify` has found something, or a planted bug was not
// noticed.

const usage = `npm run rigs -- [FLAGS]
  --rig NAME      one of ${rigNames.join(", ")}; can be repeated (default: all)
  --seed NUMBER   of what is random (default: 1)
  --extent NAME   quick for each change, full, or long: ten times as much (default: full)
  --results FILE  appends the lines to a file, and leaves out units whose lines it has: a long run can be interrupted
  --unit JSON     runs one unit as a line of an earlier run named it, in this process`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    rig: { type: "string", multiple: true, default: [...rigNames] },
    seed: { type: "string", default: "1" },
    extent: { type: "string", default: "full" },
    results: { type: "string" },
    unit: { type: "string" },
  },
});

/** The most of a finding that the summary repeats. */
const summaryCharacters = 400;
let unitCount = 0;
const wrong: string[] = [];

if (values.help || !["quick", "full", "long"].includes(values.extent)) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else if (values.unit !== undefined) {
  const unit = JSON.parse(values.unit) as Unit;
  report({ ...(await runUnit(unit)), unit });
  // Threads of a service that did not end in order would keep the process.
  process.stdout.write("", () => process.exit());
} else {
  const chosen = new Set(values.rig as RigName[]);
  const done = values.results === undefined ? new Set() : doneUnits(values.results);
  const units = unitsOf(Number(values.seed), values.extent as Extent).filter(
    (unit) => chosen.has(unit.rig) && !done.has(JSON.stringify(unit)),
  );
  await Promise.all(Array.from({ length: availableParallelism() }, () => runAll(units)));
  summarize();
}

/** Runs units in a process of their own until none is left. A unit that ends the process is reported, and the next has a new one. */
async function runAll(units: Unit[]): Promise<void> {
  let worker = startWorker();
  for (let unit = units.shift(); unit !== undefined; unit = units.shift()) {
    report(await resultOf(worker, unit));
    if (worker.exitCode !== null || worker.signalCode !== null) {
      worker = startWorker();
    }
  }
  worker.disconnect();
}

function startWorker(): ChildProcess {
  return fork(fileURLToPath(new URL("worker.ts", import.meta.url)), {
    execArgv: [...process.execArgv, "--expose-gc"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}

async function resultOf(worker: ChildProcess, unit: Unit): Promise<WorkerResult> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    worker.send(unit);
    const ended = once(worker, "exit", { signal }).then(([code, killedBy]): [WorkerResult] => {
      return [{ rig: unit.rig, unit, findings: [`could not be run: its process ended with ${code ?? killedBy}`] }];
    });
    const [result] = await Promise.race([once(worker, "message", { signal }), ended]);
    return result;
  } finally {
    settled.abort();
  }
}

/** The units of an earlier run, which may have been killed while it wrote its last line. */
function doneUnits(file: string): Set<string> {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return new Set(lines.filter((line) => line.endsWith("}}")).map((line) => JSON.stringify(JSON.parse(line).unit)));
}

function report(result: WorkerResult): void {
  const line = JSON.stringify(result);
  console.log(line);
  if (values.results !== undefined && result.leftOut === undefined) {
    appendFileSync(values.results, `${line}\n`);
  }
  if (result.leftOut !== undefined) {
    console.error(`LEFT OUT: ${JSON.stringify(result.unit)}: ${result.leftOut}`);
  }
  unitCount += 1;
  const [first] = [...(result.violations ?? []), ...(result.findings ?? [])];
  if (first !== undefined) {
    wrong.push(`WRONG: ${JSON.stringify(result.unit)}: ${JSON.stringify(first).slice(0, summaryCharacters)}`);
    process.exitCode = 1;
  }
}

/** Repeats what was wrong, which else is lost among the lines of hundreds of units. */
function summarize(): void {
  for (const line of wrong) {
    console.error(line);
  }
  console.error(`${unitCount} units, ${wrong.length} wrong`);
}
