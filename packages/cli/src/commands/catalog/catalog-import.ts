import { createReadStream, existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { ProgressEvent } from "@moraine/client/node";
import { millisecondsPer } from "@moraine/protocol";
import type { Command } from "commander";
import { dateValue } from "../../arguments/dates.ts";
import type { ImportResult } from "../../catalog/inventory/import-inventory.ts";
import { type CatalogOptions, catalogPath } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext, Transfer } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { listing } from "../../terminal/table.ts";
import { addWaitOption, type WaitOptions, waitOf } from "../../transfers/transfer-options.ts";
import { jobFileFor } from "../../transfers/upload-state.ts";
import { catalogFlags } from "./catalog-flags.ts";

interface ImportCommandOptions extends CatalogOptions, WaitOptions {
  readonly start?: true;
  readonly rebuild?: true;
  readonly asOf?: Date;
}

export function addCatalogImport(catalog: Command, tools: CommandContext): void {
  const command = catalog
    .command("import")
    .description("Import an inventory into the vault's catalogue, and create it if there is none")
    .argument("<vault>")
    .argument("[file]", "an inventory in JSON or CSV; - is standard input (default: the newest inventory job's output)")
    .option(...catalogFlags)
    .option("--start", "start an inventory job and wait for it")
    .option(
      "--rebuild",
      "start with a new catalogue; one that exists is kept as FILE.old, and its costs are carried over",
    )
    .option("--as-of <date>", "date of an inventory in CSV, which has none, e.g. 2026-01-31", dateValue);
  addWaitOption(command)
    .addHelpText("after", details)
    .action((vaultName: string, file: string | undefined, options: ImportCommandOptions) =>
      importCommand(tools, vaultName, file, options),
    );
}

const details = `
Archives that an earlier inventory has listed and this one does not are marked
as vanished. Invalid entries are left out and counted; then no archive is
marked. After an interruption, run the same command again.

Examples:
  moraine catalog import photos
  moraine catalog import photos --start --wait 12h
  moraine catalog import photos inventory.json
  zcat inventory.csv.gz | moraine catalog import photos - --as-of 2026-01-31`;

async function importCommand(
  tools: CommandContext,
  vaultName: string,
  file: string | undefined,
  options: ImportCommandOptions,
): Promise<void> {
  assertConsistent(tools, file, options);
  const from = file === undefined ? "its newest inventory" : file === "-" ? "standard input" : file;
  const isStart = options.start ? "start an inventory job, wait for it, and " : "";
  if (tools.reportIfDryRun(`${isStart}import the catalogue of vault ${vaultName} from ${from}`)) {
    return;
  }
  const source = file === undefined ? await serviceSource(tools, vaultName, options) : await fileSource(tools, file);
  const { createCatalog, finishKilledRebuild } = await import("../../catalog/opening/open-catalog.ts");
  const { importInventory } = await import("../../catalog/inventory/import-inventory.ts");
  const { bindToVault } = await import("../../catalog/opening/bind-to-vault.ts");
  const { lockCatalog } = await import("../../catalog/opening/catalog-lock.ts");
  await using locks = new AsyncDisposableStack();
  const path = catalogPath(tools, vaultName, options);
  let isLocked = false;
  const lock = async () => {
    if (!isLocked) {
      locks.use(await lockCatalog(path, tools));
      isLocked = true;
    }
  };
  await finishKilledRebuild(tools, vaultName, options);
  if (options.rebuild && existsSync(path)) {
    await lock();
  }
  using catalog = createCatalog(tools, vaultName, options);
  const onStart = async () => {
    await lock();
    catalog.assertInPlace();
  };
  if (file === undefined) {
    await bindToVault(await tools.client(), catalog, tools.signal);
  }
  await tools.transfer<ImportResult & { readonly catalog: string }>(
    {
      name: vaultName,
      resumeHint: () =>
        `Run the same command again${options.rebuild ? " without --rebuild" : ""}: what was imported is not imported twice.`,
      readable: (result) => resultText(result),
    },
    async (watched) => {
      const { asOf: listedAt = null } = options;
      const result = await importInventory(catalog, source(watched), { signal: watched.signal, listedAt, onStart });
      warnOf(result, watched);
      return { catalog: catalog.path, ...result };
    },
  );
}

function assertConsistent(tools: CommandContext, file: string | undefined, options: ImportCommandOptions): void {
  if (file !== undefined && (options.start || options.wait !== undefined)) {
    throw new UsageError("--start and --wait are for an inventory of the service: leave out the file");
  }
  if (options.asOf !== undefined && options.asOf.getTime() > tools.now().getTime() + millisecondsPer.day) {
    throw new UsageError(
      `Invalid --as-of ${options.asOf.toISOString()}: it is in the future, and would hide all archives of later inventories`,
    );
  }
}

type Watched = Parameters<Transfer<object>>[0];
type Source = (watched: Watched) => AsyncIterable<Uint8Array>;

async function serviceSource(tools: CommandContext, vaultName: string, options: ImportCommandOptions): Promise<Source> {
  const { findInventory, streamInventory } = await import("@moraine/client/node");
  const client = await tools.client();
  const { start = false } = options;
  if (!start && (await findInventory(client, { vaultName }, tools)) === null) {
    throw new UsageError(
      `Vault ${vaultName} has no inventory to import: add --start to start an inventory job and wait for it, for hours at AWS`,
    );
  }
  const jobFile = await jobFileFor(tools, vaultName, "catalog");
  const settings = { ...waitOf(options), reuse: !start, jobFile };
  return (watched) => streamInventory(client, { vaultName }, { ...settings, ...watched });
}

async function fileSource(tools: CommandContext, file: string): Promise<Source> {
  if (file === "-") {
    const input = tools.stdin();
    if (input.isTTY) {
      throw new UsageError("standard input is a terminal: pipe an inventory into the command, or name a file");
    }
    return ({ onEvent }) => counted(input, null, onEvent);
  }
  const path = tools.pathOf(file);
  const found = await stat(path).catch((cause: Error) => {
    throw new UsageError(`cannot read ${file}: ${cause.message}`, { cause });
  });
  if (found.isDirectory()) {
    throw new UsageError(`${file} is a folder: name the file of an inventory`);
  }
  const sizeBytes = found.isFile() ? found.size : null;
  return ({ onEvent }) => counted(createReadStream(path), sizeBytes, onEvent);
}

/** Passes bytes on, and reports how far they were read. */
async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  sizeBytes: number | null,
  onEvent: (event: ProgressEvent) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let read = 0;
  for await (const piece of bytes) {
    read += piece.length;
    yield piece;
    onEvent({
      kind: "progress",
      sizeBytes,
      verifiedBytes: read,
      transferredBytes: read,
      repeatedBytes: 0,
      resumedBytes: 0,
    });
  }
}

const reasons = {
  "no date": "the inventory has no date: give it with --as-of",
  "older than another": "a newer inventory was imported before",
  "invalid entries": "some entries are invalid",
} as const;

/** An inventory that was cut off between two lines of a CSV looks like a whole one. */
const manyVanished = ({ listed, vanished }: ImportResult): boolean =>
  vanished !== null && vanished >= 10 && vanished > 0.05 * (listed + vanished);

function warnOf(result: ImportResult, { onEvent }: Watched): void {
  const { invalid, replaced, unjudged, listed, vanished } = result;
  const warn = (message: string) => onEvent({ kind: "warning", code: "inventory-entries", message });
  for (const { reason, text } of invalid.first) {
    warn(reason.includes(text) ? reason : `${reason}: ${text}`);
  }
  if (invalid.count > 0) {
    warn(`${entries(invalid.count)} left out; the first are shown above`);
  }
  if (replaced > 0) {
    warn(`${replaced} descriptions have bytes that are not UTF-8, shown as U+FFFD`);
  }
  if (manyVanished(result)) {
    warn(
      `${vanished} archives have vanished, and ${listed} are listed: make sure that the inventory is complete, since the others will not be rescued`,
    );
  }
  if (unjudged !== null) {
    warn(`No archive was marked as vanished: ${reasons[unjudged]}`);
  }
}

const entries = (count: number) => `${count} invalid ${count === 1 ? "entry was" : "entries were"}`;

function resultText(result: ImportResult & { readonly catalog: string }): string {
  return listing({
    catalogue: result.catalog,
    "as of": result.listedAt?.toISOString() ?? "unknown: the inventory has no date",
    listed: result.listed,
    added: result.added,
    ...(result.vanished !== null && { vanished: result.vanished }),
    ...(result.invalid.count > 0 && { "left out": result.invalid.count }),
  });
}
