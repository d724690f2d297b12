import type { InventoryFormat, InventoryItem } from "@moraine/protocol";
import { Command, Option } from "commander";
import { addDownloadOptions, type DownloadOptions, download } from "../download-options.ts";
import { checkedId } from "../ids.ts";
import { onOneLine } from "../printable.ts";
import type { Tools, TransferView } from "../tools.ts";
import { addWaitOption, type WaitOptions, waitOf } from "../transfer-options.ts";

interface InventoryOptions extends Omit<DownloadOptions, "output">, WaitOptions {
  readonly output?: string;
  readonly format?: "json" | "csv";
  readonly newJob?: true;
}

/** Lists a vault's archives. */
export function inventoryCommand(tools: Tools): Command {
  const command = new Command("inventory")
    .description("List a vault's archives: take or start an inventory job, wait for it, download")
    .argument("<vault>")
    .addOption(formatOption())
    .option("-o, --output <file>", "where to; - is standard output (-)")
    .option("--new-job", "start a job even if there is an inventory already");
  return addDownloadOptions(addWaitOption(command))
    .addHelpText("after", details)
    .action((vaultName: string, options: InventoryOptions) => inventory(tools, vaultName, options));
}

export function formatOption(): Option {
  return new Option("--format <format>", "the service's own document, in this format").choices(["json", "csv"]);
}

const details = `
Without --format and -o, a table for people; its first line tells the
inventory's date: on AWS it is made once a day, and shows nothing that is
younger. With --quiet, ids alone, one in a line. With --format or --json, the
document as the service has it.

Examples:
  moraine inventory photos
  moraine inventory photos --format csv -o photos.csv
  moraine inventory photos --json | jq '.ArchiveList[].Size'
  moraine inventory photos --new-job --wait 6h`;

async function inventory(tools: Tools, vaultName: string, options: InventoryOptions): Promise<void> {
  const { json, quiet } = tools.options();
  const { output, format, newJob = false } = options;
  const documentFormat: InventoryFormat = format === "csv" ? "CSV" : "JSON";
  const first = newJob ? "start an inventory job" : "take the newest inventory job, or start one,";
  if (tools.isDryRun(`${first} of vault ${vaultName}, and download what it lists`)) {
    return;
  }
  const client = await tools.client();
  const wishes = { ...waitOf(options), reuse: !newJob, format: documentFormat };
  const { readInventory, retrieveInventory, streamInventory } = await import("@moraine/client/node");
  if (output === undefined && format === undefined && !json) {
    const view: TransferView<object> = {
      name: vaultName,
      goOn: "Run the same command again: the job goes on by itself.",
      bytesOnStdout: true,
      readable: () => "",
    };
    await tools.transfer(view, async (watched) => {
      const reader = await readInventory(client, { vaultName }, { ...wishes, ...watched });
      await tools.writeOut(linesOf(reader, quiet ?? false));
      return {};
    });
    return;
  }
  await download(
    tools,
    { ...options, output: output ?? "-" },
    {
      name: vaultName,
      toFile: (settings) => retrieveInventory(client, { vaultName }, { ...wishes, ...settings }),
      stream: (settings) => streamInventory(client, { vaultName }, { ...wishes, ...settings }),
    },
  );
}

type Reader = AsyncIterable<readonly InventoryItem[]> & { readonly inventoryDate: Date | null };

/** As they come, for an inventory may have millions: so its columns are as wide as they may have to be. */
async function* linesOf(reader: Reader, onlyIds: boolean): AsyncGenerator<Uint8Array> {
  let isFirst = !onlyIds;
  for await (const items of reader) {
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
