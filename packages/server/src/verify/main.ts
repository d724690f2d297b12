import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { runProgram } from "../settings/run-program.ts";
import { widthOf } from "../settings/wrapped.ts";
import { type Arguments, readArguments, usage } from "./arguments.ts";
import { jsonTo, type Report, textTo } from "./report.ts";
import { verifyFolder } from "./verify-folder.ts";

// The program of `moraine verify`. Exit codes: 0 no damage found, 1 damage found, 2 could not check.

const exitFindings = 1;

await runProgram(async () => {
  const args = process.argv.slice(2);
  if (args.includes("--orphans")) {
    return (await runOrphans(args)) === 0 ? 0 : exitFindings;
  }
  const given = readArguments(args, process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  return (await runChecks(given)) === 0 ? 0 : exitFindings;
});

async function runChecks(given: Arguments): Promise<number> {
  const { place, sealingKeyFile, level, subset, maxSeconds } = given;
  const deadline = maxSeconds === null ? Number.POSITIVE_INFINITY : performance.now() + maxSeconds * 1000;
  const options = { level, subset, sealingKeyFile, deadline, makeTemporaryFolder };
  if ("dataFolder" in place) {
    const { dataFolder, mirrorFolder } = place;
    return verifyFolder(dataFolder, { ...options, mirrorFolder }, reportOf(given));
  }
  // Loaded only here: see runOrphans.
  const { verifyBucket } = await import("./bucket/verify-bucket.ts");
  return verifyBucket(place, options, reportOf(given));
}

/** Loaded only here: the parts that reach a bucket and a shared database take memory. */
async function runOrphans(args: readonly string[]): Promise<number> {
  const { readArguments, usage } = await import("./orphans/arguments.ts");
  const given = readArguments(args, process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const [{ jsonTo, textTo }, { verifyOrphans }] = await Promise.all([
    import("./orphans/report.ts"),
    import("./orphans/verify-orphans.ts"),
  ]);
  return verifyOrphans(given, { makeTemporaryFolder }, given.isJson ? jsonTo(write) : textTo(write, width()));
}

function reportOf({ isJson }: Arguments): Report {
  return isJson ? jsonTo(write) : textTo(write, width());
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

function width(): number {
  const { columns } = process.stdout;
  return columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns);
}
