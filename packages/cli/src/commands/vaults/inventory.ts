import type { GlacierClient } from "@moraine/client";
import type { InventoryFormat, InventoryItem } from "@moraine/protocol";
import { Command, Option } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import type { CommandContext, Transfer, TransferView } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { onOneLine } from "../../terminal/printable.ts";
import {
  addDownloadOptions,
  type DownloadOptions,
  download,
  newJobFlag,
  resumeHint,
} from "../../transfers/download-options.ts";
import { ageOf, counted, countedDocument, countFile, type ListedArchives } from "../../transfers/inventory-age.ts";
import { addWaitOption, type WaitOptions, waitOf } from "../../transfers/transfer-options.ts";
import { jobFileFor } from "../../transfers/upload-state.ts";

interface InventoryOptions extends Omit<DownloadOptions, "output">, WaitOptions {
  readonly output?: string;
  readonly format?: "json" | "csv";
  readonly newJob?: true;
  readonly reuseJob?: true;
}

/** Lists a vault's archives. */
export function inventoryCommand(tools: CommandContext): Command {
  const command = new Command("inventory")
    .description("List a vault's archives: reuse or start an inventory job, wait for it, download its output")
    .argument("<vault>")
    .addOption(formatOption())
    .option("-o, --output <file>", "file to write to; - is standard output (default: -)")
    .option(newJobFlag, "start a job even if an inventory exists")
    .option("--reuse-job", "use the newest inventory that exists, of any age");
  return addDownloadOptions(addWaitOption(command))
    .addHelpText("after", details)
    .action((vaultName: string, options: InventoryOptions) => inventory(tools, vaultName, options));
}

export function formatOption(): Option {
  return new Option("--format <format>", "print the service's own document, in this format").choices(["json", "csv"]);
}

const details = `
Without --format and -o, prints a table; its first line has the inventory's
date. With --quiet, only ids, one a line. With --format or --json, the document
as the service sends it.

A Moraine server lists the vault as it is when the command starts, unless it
runs with --profile aws. AWS lists it as of its last inventory, made once a
day; a warning on standard error has that date, and the difference from the
vault's own count.

Examples:
  moraine inventory photos
  moraine inventory photos --format csv -o photos.csv
  moraine inventory photos --json | jq '.ArchiveList[].Size'
  moraine inventory photos --new-job --wait 6h`;

async function inventory(tools: CommandContext, vaultName: string, options: InventoryOptions): Promise<void> {
  const { output, format, newJob = false, reuseJob = false } = options;
  if (newJob && reuseJob) {
    throw new UsageError("--new-job and --reuse-job cannot be used together");
  }
  const documentFormat: InventoryFormat = format === "csv" ? "CSV" : "JSON";
  const first = newJob ? "start an inventory job" : "reuse an inventory job, or start one,";
  if (tools.reportIfDryRun(`${first} of vault ${vaultName}, and download what it lists`)) {
    return;
  }
  const client = await tools.client();
  const { vaultContents } = await import("@moraine/client/node");
  const isCurrent = (await vaultContents(client, { vaultName }, tools))?.hasCurrentInventories ?? false;
  const reuse = newJob ? false : reuseJob || !isCurrent;
  const wanted = { ...waitOf(options), reuse, format: documentFormat };
  const list = { client, vaultName, wanted, isCurrent: isCurrent && !reuse };
  const isTable = output === undefined && format === undefined && !tools.options().json;
  await (isTable ? printTable(tools, list) : downloadDocument(tools, list, { ...options, output: output ?? "-" }));
}

interface WantedList {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly wanted: LibraryOptions;
  /** Whether the service lists the vault as it is. */
  readonly isCurrent: boolean;
}

async function printTable(tools: CommandContext, { client, vaultName, wanted }: WantedList): Promise<void> {
  const { readInventory } = await import("@moraine/client/node");
  const jobFile = await jobFileFor(tools, vaultName, wanted.format);
  const view: TransferView<object> = {
    name: vaultName,
    resumeHint: () => resumeHint(tools, null),
    bytesOnStdout: true,
    readable: () => "",
  };
  await tools.transfer(view, async (watched) => {
    const listed: ListedArchives = { count: 0, date: null };
    const reader = await readInventory(client, { vaultName }, { ...wanted, ...watched, jobFile });
    await tools.writeOut(linesOf(reader, listed, tools.options().quiet ?? false));
    await warnOfAge(client, vaultName, listed, watched);
    return {};
  });
}

async function downloadDocument(
  tools: CommandContext,
  { client, vaultName, wanted, isCurrent }: WantedList,
  options: DownloadOptions,
): Promise<void> {
  const { retrieveInventory, streamInventory } = await import("@moraine/client/node");
  const listed: ListedArchives = { count: 0, date: null };
  await download(tools, options, {
    name: vaultName,
    async toFile(settings) {
      const result = await retrieveInventory(client, { vaultName }, { ...wanted, ...settings });
      if (!isCurrent) {
        await countFile(settings.target, listed);
        await warnOfAge(client, vaultName, listed, settings);
      }
      return result;
    },
    async *stream(settings) {
      const jobFile = await jobFileFor(tools, vaultName, wanted.format);
      const bytes = streamInventory(client, { vaultName }, { ...wanted, ...settings, jobFile });
      yield* isCurrent ? bytes : countedDocument(bytes, listed);
      if (!isCurrent) {
        await warnOfAge(client, vaultName, listed, settings);
      }
    },
  });
}

async function warnOfAge(
  client: GlacierClient,
  vaultName: string,
  listed: ListedArchives,
  { onEvent, signal }: Watched,
): Promise<void> {
  const { vaultContents } = await import("@moraine/client/node");
  const message = ageOf(listed, await vaultContents(client, { vaultName }, { signal }));
  if (message !== null) {
    onEvent({ kind: "warning", code: "inventory-age", message });
  }
}

type LibraryOptions = ReturnType<typeof waitOf> & { readonly format: InventoryFormat; readonly reuse: boolean };
type Watched = Parameters<Transfer<object>>[0];
type Reader = AsyncIterable<readonly InventoryItem[]> & { readonly inventoryDate: Date | null };

/** Formats rows as they arrive, since an inventory may have millions. Its columns have a fixed width for that reason. */
async function* linesOf(reader: Reader, listed: ListedArchives, onlyIds: boolean): AsyncGenerator<Uint8Array> {
  let isFirst = !onlyIds;
  for await (const items of counted(reader, listed)) {
    const head = isFirst ? headLines(reader) : "";
    isFirst = false;
    yield Buffer.from(head + items.map(onlyIds ? ({ archiveId }) => `${checkedId(archiveId)}\n` : rowOf).join(""));
  }
  if (isFirst) {
    yield Buffer.from(headLines(reader));
  }
}

function headLines({ inventoryDate }: Reader): string {
  const asOf = inventoryDate === null ? "" : `As of ${inventoryDate.toISOString()}\n`;
  return `${asOf}${"CREATED".padEnd(dateWidth)}  ${"BYTES".padStart(bytesWidth)}  ${"ARCHIVE".padEnd(idWidth)}  DESCRIPTION\n`;
}

const dateWidth = 24;
const bytesWidth = 14;
const idWidth = 138;

function rowOf({ archiveId, creationDate, sizeBytes, archiveDescription }: InventoryItem): string {
  const bytes = String(sizeBytes).padStart(bytesWidth);
  const row = [creationDate.toISOString().padEnd(dateWidth), bytes, archiveId.padEnd(idWidth), archiveDescription];
  return `${onOneLine(row.join("  ")).trimEnd()}\n`;
}
