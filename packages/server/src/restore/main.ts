import { openPlaceForReading } from "../backup/open-place.ts";
import { systemNow } from "../clock/clocks.ts";
import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { runProgram } from "../settings/run-program.ts";
import { widthOf } from "../settings/wrapped.ts";
import { jsonTo, textTo } from "../verify/report.ts";
import { verifyFolder } from "../verify/verify-folder.ts";
import { readArguments, usage } from "./arguments.ts";
import { jsonReport, textReport } from "./report.ts";
import { restore } from "./restore.ts";

// The program of `moraine restore`.

const exitDamaged = 1;

await runProgram(async () => {
  const given = readArguments(process.argv.slice(2));
  const { columns } = process.stdout;
  if (given === null) {
    process.stdout.write(usage(columns));
    return 0;
  }
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  const width = columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns);
  const report = given.isJson ? jsonReport(write) : textReport(write, width);
  const result = await restore({
    ...given,
    openPlace: () => openPlaceForReading(given.source, { makeTemporaryFolder, now: systemNow }),
    now: systemNow,
    onMissing: report.missing,
  });
  report.restored(result);
  const options = {
    level: "deep",
    subset: null,
    mirrorFolder: null,
    deadline: Number.POSITIVE_INFINITY,
    makeTemporaryFolder,
  } as const;
  const findings = await verifyFolder(result.dataFolder, options, given.isJson ? jsonTo(write) : textTo(write, width));
  return findings === 0 && result.totals.missing === 0 ? 0 : exitDamaged;
});
