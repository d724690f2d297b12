import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { startCommand } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { packedCommand, packServer } from "./packed-server.ts";
import { type Extent, type RigName, run, type Unit, type UnitResult, unitsOf } from "./units.ts";

// Runs the rigs, as many units at once as there are processors. Prints a line of JSON for each unit; exits with 1 when the model
// forbids what a client saw, or `moraine verify` has found something.

const rigNames: readonly RigName[] = ["disk-states", "recorded-disk", "io-calls", "crash-states", "damages", "races"];

const usage = `npm run rigs -- [FLAGS]
  --rig NAME      one of ${rigNames.join(", ")}; can be repeated (default: all)
  --seed NUMBER   of what is random (default: 1)
  --extent NAME   quick for each change, full, or long: ten times as much (default: full)
  --unit JSON     runs one unit as a line of an earlier run named it, in this process
  --packed DIR    the folder of a packed server, for --unit (default: the sources are started)`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", default: false },
    rig: { type: "string", multiple: true, default: [...rigNames] },
    seed: { type: "string", default: "1" },
    extent: { type: "string", default: "full" },
    unit: { type: "string" },
    packed: { type: "string" },
  },
});

if (values.help || !["quick", "full", "long"].includes(values.extent)) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else if (values.unit !== undefined) {
  const unit = JSON.parse(values.unit) as Unit;
  report({ unit, ...(await run(unit, values.packed === undefined ? startCommand : packedCommand(values.packed))) });
  // Threads of a service that did not end in order would keep the process.
  process.stdout.write("", () => process.exit());
} else {
  const units = unitsOf(new Set(values.rig as RigName[]), Number(values.seed), values.extent as Extent);
  await using folder = await temporaryFolder();
  await packServer(folder.path);
  await Promise.all(Array.from({ length: availableParallelism() }, () => runNext(units, folder.path)));
}

async function runNext(units: Unit[], packed: string): Promise<void> {
  for (let unit = units.shift(); unit !== undefined; unit = units.shift()) {
    const args = [
      ...process.execArgv,
      fileURLToPath(import.meta.url),
      "--unit",
      JSON.stringify(unit),
      "--packed",
      packed,
    ];
    // Exits with 1 after a line that says why.
    const ended = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 28 }).catch((error) => error);
    if (ended.stdout === "") {
      throw new Error(`${JSON.stringify(unit)} could not be run: ${ended.stderr}`);
    }
    report(JSON.parse(ended.stdout));
  }
}

function report(result: UnitResult & { readonly unit: Unit }): void {
  console.log(JSON.stringify(result));
  if (result.leftOut !== undefined) {
    console.error(`LEFT OUT: ${JSON.stringify(result.unit)}: ${result.leftOut}`);
  }
  if ([...(result.violations ?? []), ...(result.findings ?? [])].length > 0) {
    process.exitCode = 1;
  }
}
