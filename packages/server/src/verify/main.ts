import { constants } from "node:os";
import { makeTemporaryFolder } from "../files/temporary-folder.ts";
import { widthOf } from "../settings/wrapped.ts";
import { migrationNames } from "../storage/metadata/migrations/migrate.ts";
import { type Arguments, readArguments, usage } from "./arguments.ts";
import { CannotVerifyError, DatabaseLostError, type OpenedFolder, openFolder } from "./open-folder.ts";
import { jsonTo, type Report, textTo } from "./report.ts";
import { Verification } from "./verification.ts";
import { verify } from "./verify.ts";

// The program of `moraine verify`. Exit codes: 0 no damage found, 1 damage found, 2 could not check.

const exitFindings = 1;
const exitCannotRun = 2;

// Node would open its inspector, through which any user of the machine could read keys; also where no flag forbids it.
process.on("SIGUSR1", () => undefined);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // The end of the process removes a copy of the database; a signal alone would not.
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

// A reader that ends early, like head, has seen enough.
process.stdout.on("error", () => process.exit(exitCannotRun));

process.exitCode = await run().catch((error: unknown) => {
  process.stderr.write(`moraine: ${(error as Error).message}\n`);
  return exitCannotRun;
});

async function run(): Promise<number> {
  const given = readArguments(process.argv.slice(2), process.env);
  if (given === null) {
    process.stdout.write(usage(process.stdout.columns));
    return 0;
  }
  const report = reportOf(given);
  try {
    await using folder = await openFolder(given.dataFolder, { makeTemporaryFolder });
    assertSchema(folder);
    return await verifyOpened(folder, given, report);
  } catch (error) {
    if (!(error instanceof DatabaseLostError)) {
      throw error;
    }
    report.finding({ code: "database-unreadable", message: error.message, file: "moraine.db" });
    return exitFindings;
  }
}

function reportOf({ isJson }: Arguments): Report {
  const { columns } = process.stdout;
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return isJson ? jsonTo(write) : textTo(write, columns === undefined ? Number.POSITIVE_INFINITY : widthOf(columns));
}

async function verifyOpened(folder: OpenedFolder, given: Arguments, report: Report): Promise<number> {
  const { level, subset, maxSeconds } = given;
  const deadline = maxSeconds === null ? Number.POSITIVE_INFINITY : performance.now() + maxSeconds * 1000;
  const print = report.finding;
  const verification = new Verification(folder, { level, subset, deadline, print });
  const isComplete = await verify(verification);
  report.summary(verification.totals, { source: folder.source, level, subset, isComplete });
  return verification.totals.findings === 0 ? 0 : exitFindings;
}

/** The checks are written for one schema. */
function assertSchema({ database, path }: OpenedFolder): void {
  let applied: string[];
  try {
    const rows = database.prepare("SELECT name FROM kysely_migration ORDER BY name").all();
    applied = rows.map(({ name }) => String(name));
  } catch (error) {
    throw new DatabaseLostError(`the database cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (applied.join() !== migrationNames.join()) {
    throw new CannotVerifyError(
      `The database of ${path} has the schema ${applied.at(-1)}, and this version verifies ${migrationNames.at(-1)}: ` +
        "use the version of its server, or start the server once with this one",
    );
  }
}
