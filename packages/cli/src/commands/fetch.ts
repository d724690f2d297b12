import { Command } from "commander";
import { pricesFlag, pricesFrom, pricesHelp } from "../arguments/price-file.ts";
import { bytesExactly } from "../arguments/sizes.ts";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import type { Tier } from "../rescue/schedule/schedule.ts";
import type { FetchPlan } from "../sending/fetching/fetch-archives.ts";
import type { Amount, FileCounts } from "../sending/files-progress.ts";
import { addYesOption, type YesOption } from "../terminal/confirm.ts";
import { addPaceOptions, type PaceOptions } from "../transfers/transfer-options.ts";
import { tierOption } from "./archives/retrieve.ts";
import { addFilterOptions, catalogFlags, type FilterOptions, filterOf } from "./catalog/catalog-flags.ts";

interface FetchFlags extends FilterOptions, PaceOptions, YesOption {
  readonly output?: string;
  readonly tier?: Tier;
  readonly catalog?: string;
  readonly prices?: string;
  readonly once?: true;
}

/** Fetches files of a vault by their paths. */
export function fetchCommand(tools: CommandContext): Command {
  const command = new Command("fetch")
    .description("Get files of a vault by their paths into a folder: the newest archive of each, verified")
    .argument("<vault>")
    .argument("<glob...>", "of the decoded path, e.g. 'photos/**/*.jpg'; without a slash, of the file's name")
    .option("-o, --output <file>", "folder to write to, which is created")
    .addOption(tierOption())
    .option("--once", "do what can be done now, then exit 75 while jobs are in progress")
    .option(...catalogFlags)
    .option(pricesFlag, pricesHelp);
  addFilterOptions(command);
  return addYesOption(addPaceOptions(command, "archives"))
    .addHelpText("after", details)
    .action((vaultName: string, globs: readonly string[], flags: FetchFlags) =>
      fetchCopies(tools, vaultName, globs, flags),
    );
}

const details = `
Finds archives in the catalogue of the vault (moraine catalog import), and gets
the newest of each path. Files get the times and permissions that their
descriptions have. A path is made safe for the disk, and nothing outside the
folder is written. A file that exists with the same content is left as it is.
One with other content is kept, and the new one gets its date into its name.
Files with other names than their archives are counted, and --json and
--verbose report each.

At AWS, jobs take hours and cost money: the command shows how much, and asks.
After any interruption, the same command resumes with the same jobs.

Examples:
  moraine fetch photos '**' -o holiday
  moraine fetch photos '2019/**/*.jpg' '*.txt' -o found --tier Bulk
  moraine fetch photos '**' -o holiday --dry-run`;

interface FetchResult extends Pick<FileCounts, "renamed" | "failed"> {
  readonly fetched: Amount;
  readonly present: Amount;
  /** Archives that were neither fetched nor given up. */
  readonly left: number;
}

async function fetchCopies(
  tools: CommandContext,
  vaultName: string,
  globs: readonly string[],
  flags: FetchFlags,
): Promise<void> {
  const { output } = flags;
  if (output === undefined || globs.includes("")) {
    throw new UsageError(
      output === undefined
        ? "Missing output: name a folder with -o FOLDER"
        : "A glob is empty: expected one like '2019/**'",
    );
  }
  const { Fetching } = await import("../sending/fetching/fetch-archives.ts");
  const { tier = "Standard", once = false, prices: priceFile, ...options } = flags;
  const prices = await pricesFrom(tools, priceFile);
  const wanted = { ...options, tier, once, prices, filter: filterOf(flags) };
  await using fetching = await Fetching.open(tools, vaultName, globs, wanted);
  const { plan } = fetching;
  if (plan.archives === 0) {
    throw new UsageError(
      `No archive of the catalogue matches ${globs.join(", ")}: see moraine catalog find ${vaultName}`,
    );
  }
  for (const glob of plan.unusedGlobs) {
    tools.notice(`warning: no archive matches ${glob}`);
  }
  if (tools.reportIfDryRun(`get ${planText(plan)}, to ${output}`, plan)) {
    return;
  }
  if ((plan.usd ?? 0) > 0 && !flags.yes) {
    await tools.confirm(vaultName, () => `This gets ${planText(plan)}, to ${output}.`);
  }
  let end = "done";
  const result = await tools.transfer<FetchResult>(
    {
      name: vaultName,
      resumeHint: () => "Run the same command again to resume: it uses the same jobs.",
      readable: (counts) => resultText(counts),
    },
    async (watched) => {
      const { counts, end: ended } = await fetching.into(output, watched);
      end = ended;
      const { done, known, renamed, failed } = counts;
      const left = plan.archives - done.files - known.files - failed;
      return { fetched: done, present: known, renamed, failed, left };
    },
  );
  await assertEnd(end, result, fetching.leftOut);
}

/** Throws unless all files are there. @param leftOut entries of the inventory that are not in the catalogue */
async function assertEnd(end: string, { failed, left }: FetchResult, leftOut: number): Promise<void> {
  const { assertAllDone, SomeFailedError } = await import("../sending/file-counts-text.ts");
  const { JobsPendingError } = await import("../rescue/rescue-errors.ts");
  if (end === "waiting") {
    throw new JobsPendingError("Jobs are in progress: run the same command again later");
  }
  assertAllDone({ failed, unknown: 0 }, "Run the same command again to try them again");
  if (left > 0) {
    throw new SomeFailedError(`${left} archives were passed over: run the same command again`);
  }
  if (leftOut > 0) {
    throw new SomeFailedError(
      `${leftOut} entries of the imported inventory were invalid and left out, so files may be missing: import another one`,
    );
  }
}

function planText({ archives, bytes, tier, usd }: FetchPlan): string {
  const cost = usd === null ? "" : `, for $${usd.toFixed(2)} at most (check the prices before use)`;
  return `${archives} ${archives === 1 ? "archive" : "archives"}, ${bytesExactly(bytes)}, by ${tier} jobs${cost}`;
}

function resultText({ fetched, present, renamed, failed, left }: FetchResult): string {
  const line = (name: string, { files, bytes }: Amount) => `${name.padEnd(7)}  ${files} files, ${bytesExactly(bytes)}`;
  return [
    line("fetched", fetched),
    ...(present.files > 0 ? [line("present", present)] : []),
    ...(renamed > 0 ? [`renamed  ${renamed} files, which --json and --verbose name`] : []),
    ...(failed > 0 ? [`failed   ${failed} files`] : []),
    ...(left > 0 ? [`left     ${left} files`] : []),
  ].join("\n");
}
