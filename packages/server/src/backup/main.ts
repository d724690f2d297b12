import { systemNow } from "../clock/clocks.ts";
import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { packageVersion } from "../package-version.ts";
import { runProgram } from "../settings/run-program.ts";
import { widthOf } from "../settings/wrapped.ts";
import { readArguments, usage } from "./arguments.ts";
import { checkBackups } from "./check-backups.ts";
import { openPlaceForBackup, openPlaceForReading } from "./open-place.ts";
import { type BackupReport, jsonReport, textReport } from "./report.ts";
import { takeBackup } from "./take-backup.ts";

// The program of `moraine backup`.

const exitIncomplete = 1;
const places = { makeTemporaryFolder, now: systemNow };

await runProgram(async () => {
  const given = readArguments(process.argv.slice(2), process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const report = reportOf(given.isJson);
  if (given.check !== null) {
    await using place = await openPlaceForReading(given.target, places);
    const totals = await checkBackups(place, { level: given.check, onFinding: report.finding });
    report.check(totals, given.check);
    return totals.findings === 0 ? 0 : exitIncomplete;
  }
  const result = await takeBackup({
    ...given,
    version: packageVersion(),
    now: systemNow,
    makeTemporaryFolder,
    openPlace: (dataFolder) => openPlaceForBackup(given.target, dataFolder, places),
    onMissing: report.missing,
  });
  report.backup(result);
  return result.manifest.missingSegments === 0 && result.removed.failure === null ? 0 : exitIncomplete;
});

function reportOf(isJson: boolean): BackupReport {
  const { columns } = process.stdout;
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return isJson
    ? jsonReport(write)
    : textReport(write, columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns));
}
