import { Command, InvalidArgumentError, Option } from "commander";
import { dateValue } from "../arguments/dates.ts";
import { wholeNumber } from "../arguments/numbers.ts";
import { pricesFlag, pricesHelp } from "../arguments/price-file.ts";
import { rate, size } from "../arguments/sizes.ts";
import type { CatalogOptions } from "../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import type { RescueFlags } from "../rescue/commands/read-options.ts";
import { addYesOption } from "../terminal/confirm.ts";
import { catalogFlags } from "./catalog/catalog-flags.ts";

interface Flags extends RescueFlags, CatalogOptions {
  readonly status?: true;
  readonly check?: string;
  readonly publicKey?: string;
}

const tierNames = ["Standard", "Bulk", "Expedited"];

/** Copies all archives of a vault to another place, or checks the copies. */
export function rescueCommand(tools: CommandContext): Command {
  const command = new Command("rescue")
    .description("Copy all archives of a vault to another place, verified; resumes after any interruption")
    .argument("[vault]")
    .argument("[target]", "folder, s3://BUCKET/PREFIX?endpoint=URL, or vault:NAME@SERVICE")
    .option("--once", "do what can be done now, then exit 75 while jobs are in progress")
    .option("--recheck", "read all copies again first, and fetch those that are missing")
    .option("--status", "show how far the rescue is, also of one that runs")
    .option("--check <target>", "check the copies against their manifest, without the vault");
  addJobOptions(command);
  addSelectionOptions(command);
  addPlaceOptions(command);
  return addYesOption(command.option(...catalogFlags))
    .addHelpText("after", details)
    .action((vault: string | undefined, target: string | undefined, flags: Flags) =>
      rescue(tools, { vault, target }, flags),
    );
}

function addJobOptions(command: Command): void {
  command
    .addOption(new Option("--tier <tier>", "tier of the jobs (default: Bulk, the cheapest)").choices(tierNames))
    .addOption(
      new Option("--fallback-tier <tier>", "tier to use while the service has no capacity in the other").choices(
        tierNames,
      ),
    )
    .option("--max-cost <dollars>", "request no job that makes the cost of all runs exceed this, e.g. 250", dollarValue)
    .option(
      "--max-retrieval-per-hour <size>",
      "request at most this much an hour, e.g. 100GiB (default: no limit)",
      size,
    )
    .option(
      "--bandwidth <rate>",
      "bytes a second of your network, used until it has been measured, e.g. 12MiB (default: 128KiB)",
      rate,
    )
    .option(
      "--bwlimit <rate>",
      'maximum bytes a second, or a timetable, e.g. 10MiB, "08:00,512KiB 23:00,off" (default: no limit)',
    )
    .option(
      "--concurrency <number>",
      "number of small archives to fetch (default: 16), or copies to check, at once",
      wholeNumber,
    )
    .option(pricesFlag, pricesHelp);
}

function addSelectionOptions(command: Command): void {
  command
    .option("--match <glob>", "only archives whose path matches, e.g. 'photos/**'; may be repeated", repeated)
    .option("--min-size <size>", "only archives of this size or more, e.g. 10MiB", size)
    .option("--max-size <size>", "only archives of this size or less", size)
    .option("--created-from <date>", "only archives created on or after this date, e.g. 2026-01-31", dateValue)
    .option("--created-before <date>", "only archives created before this date", dateValue)
    .option("--ids <file>", "only archives whose ids this file has, one a line")
    .option("--inventory <file>", "inventory to import, - for standard input (default: the newest known one)")
    .option("--names <file>", "CSV of archive ids and paths, instead of those in the descriptions");
}

function addPlaceOptions(command: Command): void {
  command
    .option("--sign-key <file>", "sign the manifest with this Ed25519 key (PEM)")
    .option("--public-key <file>", "with --check: key that must have signed the manifest")
    .option("--metrics-listen <address>", "serve metrics for Prometheus at HOST:PORT, e.g. 127.0.0.1:9101")
    .option("--metrics-public", "let --metrics-listen accept other machines: metrics have no password");
}

const details = `
Jobs are requested in the order in which the archives were created, and only
as many ahead as the measured bandwidth can fetch before their outputs expire
(after a day). An output that expires is requested again.

Until something was fetched, nothing is measured: a slow line is assumed, and
the first jobs are few. With --bandwidth they are as many as your network can
fetch, so a rescue ends earlier by the time that a job takes (Bulk: 5 to 12
hours). Do not give more than it has: the surplus would expire, and be paid for
again. It limits nothing; --bwlimit does.

A file gets its name when all of its bytes are verified and on the disk. An
existing file is never replaced. TARGET/MANIFEST.jsonl gets a line for each
copy, and SHA256SUMS can be checked with sha256sum -c. Failures do not stop the
rest; TARGET/.moraine/FAILED.jsonl lists them, and the next run tries them
again.

--recheck reads every copy again, as --check does. Missing ones are fetched;
changed ones are named, and are fetched once you have moved them away.

After any interruption, run the same command again. Each run asks before
it costs anything; scripts add --yes.

--max-cost counts jobs and the transfer to the internet at the highest price.

Exit codes: 0 all copied, 1 some failed, 6 a limit of yours is reached, 75 jobs
are in progress.

Examples:
  moraine rescue photos /backup/photos --dry-run
  moraine rescue photos /backup/photos --max-cost 100 --bwlimit "08:00,1MiB 20:00,off"
  moraine rescue photos /backup/photos --bandwidth 12MiB
  moraine rescue photos /backup/photos --once --yes   # from cron
  moraine rescue photos /backup/photos --status
  moraine rescue --check /backup/photos
  moraine rescue photos /backup/photos --recheck`;

interface Places {
  readonly vault: string | undefined;
  readonly target: string | undefined;
}

async function rescue(tools: CommandContext, { vault, target }: Places, flags: Flags): Promise<void> {
  if (flags.check !== undefined) {
    if (vault !== undefined) {
      throw new UsageError("--check needs no vault: moraine rescue --check TARGET");
    }
    const { checkCopies } = await import("../rescue/commands/check-command.ts");
    await checkCopies(tools, flags.check, flags);
    return;
  }
  if (vault === undefined || (target === undefined && !flags.status)) {
    throw new UsageError("Missing argument: moraine rescue VAULT TARGET");
  }
  if (flags.status) {
    const { printStatus } = await import("../rescue/commands/status-command.ts");
    await printStatus(tools, vault, target ?? null, flags);
    return;
  }
  const { readOptions } = await import("../rescue/commands/read-options.ts");
  const { rescueVault } = await import("../rescue/commands/rescue-command.ts");
  await rescueVault(tools, vault, target ?? "", await readOptions(tools, flags));
}

function dollarValue(text: string): number {
  if (!/^\$?[0-9]{1,9}(\.[0-9]{1,2})?$/.test(text)) {
    throw new InvalidArgumentError("Expected an amount in US dollars like 250 or 99.50.");
  }
  return Number(text.replace("$", ""));
}

const repeated = (text: string, earlier: readonly string[] = []) => [...earlier, text];
