import { constants } from "node:os";
import { errorCode } from "../files/missing.ts";
import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { widthOf } from "../settings/wrapped.ts";
import { type Arguments, readArguments, usage } from "./arguments.ts";
import { repairFolder } from "./repair-folder.ts";
import { jsonTo, type Report, textTo } from "./report.ts";

// The program of `moraine repair`. Exit codes: 0 nothing is left to repair, 1 something is, 2 could not run.

const exitLeft = 1;
const exitCannotRun = 2;

// Node would open its inspector, through which any user of the machine could read keys; also where no flag forbids it.
process.on("SIGUSR1", () => undefined);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The end of the process removes temporary copies; a signal alone would not. A repair can be interrupted anywhere.
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

// A reader that ends early, like head, must not interrupt a repair.
process.stdout.on("error", () => undefined);

process.exitCode = await run().catch((error: unknown) => {
  const isDenied = ["EACCES", "EPERM"].includes(errorCode(error) ?? "");
  process.stderr.write(
    `moraine: ${(error as Error).message.replace(/\s*\n\s*/g, " ")}${isDenied ? ": run it as the server's user" : ""}\n`,
  );
  return exitCannotRun;
});

async function run(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--orphans")) {
    return (await runOrphans(args)) === 0 ? 0 : exitLeft;
  }
  const given = readArguments(args, process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const { dataFolder, ...options } = given;
  return (await repairFolder(dataFolder, { ...options, makeTemporaryFolder }, reportOf(given))) === 0 ? 0 : exitLeft;
}

/** Loaded only here: the parts that reach a bucket and a shared database take memory. */
async function runOrphans(args: readonly string[]): Promise<number> {
  const { readArguments, usage } = await import("./orphans/arguments.ts");
  const given = readArguments(args, process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const { repairOrphans } = await import("./orphans/repair-orphans.ts");
  return repairOrphans(given, { makeTemporaryFolder }, reportOf(given));
}

function reportOf({ isJson }: Pick<Arguments, "isJson">): Report {
  const { columns } = process.stdout;
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return isJson ? jsonTo(write) : textTo(write, columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns));
}
