import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { runProgram } from "../settings/run-program.ts";
import { widthOf } from "../settings/wrapped.ts";
import { readArguments, usage } from "./arguments.ts";
import { openSource, openTarget, originOf } from "./open-ends.ts";
import { type CopyReport, jsonReport, textReport } from "./report.ts";
import { runCopy } from "./run-copy.ts";

// The program of `moraine admin copy`. Exit codes: 0 complete, 1 not complete, 2 could not copy.

const exitIncomplete = 1;
const progressMilliseconds = 200;

await runProgram(async () => {
  const given = readArguments(process.argv.slice(2), process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const report = reportOf(given.isJson);
  await using source = await openSource(given.from, makeTemporaryFolder);
  const origin = await originOf(source, given);
  await using target = await openTarget(given.to, origin);
  if (target === null) {
    report.completeAlready({ from: source.name, to: origin.movedTo ?? "" });
    return 0;
  }
  const { acceptsDamage, readsFootersOnly } = given;
  const result = await runCopy({ source, target, origin }, { acceptsDamage, readsFootersOnly, ...report });
  report.result(result, { from: source.name, to: target.name });
  return result.isComplete ? 0 : exitIncomplete;
});

function reportOf(isJson: boolean): CopyReport {
  const { columns } = process.stdout;
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return isJson
    ? jsonReport(write)
    : textReport(write, columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns), progressLine());
}

/** Shows a line that the next one replaces, on a terminal. */
function progressLine(): (line: string) => void {
  const { stderr } = process;
  let shownAt = Number.NEGATIVE_INFINITY;
  return (line) => {
    const now = performance.now();
    if (stderr.isTTY && (line === "" ? shownAt > 0 : now - shownAt >= progressMilliseconds)) {
      stderr.write(`\r\u001b[K${line}`);
      shownAt = line === "" ? Number.NEGATIVE_INFINITY : now;
    }
  };
}
