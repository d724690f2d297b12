import type { JobParameters } from "@moraine/client";
import type { InventoryFormat, JobTier } from "@moraine/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { wholeNumber } from "../../arguments/numbers.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { shellWord } from "../../terminal/shell-lines.ts";
import { listing } from "../../terminal/table.ts";
import { byteRange } from "../../transfers/transfer-options.ts";
import { formatOption } from "../vaults/inventory.ts";
import { tierOption } from "./retrieve.ts";

interface StartOptions {
  readonly inventory?: true;
  readonly tier?: JobTier;
  readonly range?: ReturnType<typeof byteRange>;
  readonly description?: string;
  readonly snsTopic?: string;
  readonly format?: string;
  readonly from?: string;
  readonly until?: string;
  readonly limit?: number;
  readonly marker?: string;
}

const ofArchives = ["tier", "range"] as const;
const ofInventories = ["format", "from", "until", "limit", "marker"] as const;

export function addJobStart(job: Command, tools: CommandContext): void {
  job
    .command("start")
    .description("Start a job for an archive, or with --inventory for the vault's inventory")
    .argument("<vault>")
    .argument("[archive]", "its id, @FILE for a file that contains it, or - for standard input")
    .option("--inventory", "list the archives")
    .addOption(tierOption())
    .option("--range <first-last>", "bytes of the archive, aligned to MiB, e.g. 0-1048575 (default: all)", byteRange)
    .option("--description <text>", "description of the job: up to 1,024 printable ASCII characters (default: none)")
    .option("--sns-topic <arn>", "topic to notify when the job has ended (default: the vault's topic)")
    .addOption(formatOption())
    .option("--from <date>", "inventory: only archives created on or after this date, e.g. 2026-01-31", date)
    .option("--until <date>", "inventory: only archives created before this date", date)
    .option("--limit <number>", "inventory: maximum number of archives", wholeNumber)
    .option("--marker <text>", "inventory: marker of the previous inventory, to continue after it")
    .addHelpText(
      "after",
      `
With --quiet, prints only the job's id.

Examples:
  moraine job start photos ARCHIVE_ID --tier Bulk
  moraine job start photos ARCHIVE_ID --range 0-1048575
  moraine job start photos --inventory --format csv --from 2026-01-01T00:00:00Z`,
    )
    .action((vaultName: string, given: string | undefined, options: StartOptions) =>
      start(tools, vaultName, given, options),
    );
}

async function start(
  tools: CommandContext,
  vaultName: string,
  given: string | undefined,
  options: StartOptions,
): Promise<void> {
  assertOneKind(given, options);
  const archiveId = given === undefined ? null : await tools.readId(given);
  const { description, snsTopic } = options;
  const jobParameters: JobParameters = {
    ...(archiveId === null ? inventoryParameters(options) : archiveParameters(archiveId, options)),
    ...(description !== undefined && { Description: description }),
    ...(snsTopic !== undefined && { SNSTopic: snsTopic }),
  };
  const what =
    archiveId === null
      ? `start a job for the inventory of vault ${vaultName}`
      : `start a ${options.tier ?? "Standard"} job for archive ${archiveId} of vault ${vaultName}`;
  if (tools.reportIfDryRun(what, { jobParameters })) {
    return;
  }
  const answer = await (await tools.client()).initiateJob({ vaultName, jobParameters }, { signal: tools.signal });
  const jobId = checkedId(answer.jobId);
  tools.keep(`The job was started. Its id is ${jobId}`);
  tools.printResult(
    answer,
    () => listing({ job: jobId, next: `moraine job output ${shellWord(vaultName)} ${jobId} -o FILE` }),
    () => jobId,
  );
}

function assertOneKind(given: string | undefined, options: StartOptions): void {
  if ((given === undefined) !== (options.inventory ?? false)) {
    throw new UsageError("give either an archive's id or --inventory");
  }
  const [others, kind] = options.inventory ? [ofArchives, "an archive"] : [ofInventories, "an inventory"];
  const wrong = others.find((name) => options[name] !== undefined);
  if (wrong !== undefined) {
    throw new UsageError(`--${wrong} is for jobs of ${kind}`);
  }
}

function archiveParameters(archiveId: string, { tier, range }: StartOptions): JobParameters {
  return {
    Type: "archive-retrieval",
    ArchiveId: archiveId,
    ...(tier !== undefined && { Tier: tier }),
    ...(range !== undefined && { RetrievalByteRange: `${range.firstByte}-${range.lastByte}` }),
  };
}

function inventoryParameters({ format = "json", from, until, limit, marker }: StartOptions): JobParameters {
  const wishes = {
    ...(from !== undefined && { StartDate: from }),
    ...(until !== undefined && { EndDate: until }),
    ...(limit !== undefined && { Limit: String(limit) }),
    ...(marker !== undefined && { Marker: marker }),
  };
  return {
    Type: "inventory-retrieval",
    Format: format.toUpperCase() as InventoryFormat,
    ...(Object.keys(wishes).length > 0 && { InventoryRetrievalParameters: wishes }),
  };
}

function date(text: string): string {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2}))?$/.test(text)) {
    throw new InvalidArgumentError("Expected a date like 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  return text.length === 10 ? `${text}T00:00:00Z` : text;
}
