import { type Command, Option } from "commander";
import type { ListForm } from "../../catalog/archives/archive-lines.ts";
import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { globMatcher, literalPrefix } from "../../catalog/glob.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { addFilterOptions, catalogFlags, type FilterOptions, filterOf } from "./catalog-flags.ts";

interface ListOptions extends CatalogOptions, FilterOptions {
  readonly showNames?: true;
  readonly byPath?: true;
  readonly ignoreCase?: true;
}

interface ExportOptions extends CatalogOptions, FilterOptions {
  readonly format: "csv" | "jsonl";
}

/** Adds the commands that list the archives of a catalogue. */
export function addCatalogLists(catalog: Command, tools: CommandContext): void {
  const list = catalog.command("ls").description("List the archives of a catalogue").argument("<vault>");
  addListOptions(list)
    .addHelpText("after", listDetails)
    .action((vaultName: string, options: ListOptions) => listCommand(tools, vaultName, [], options));
  const find = catalog
    .command("find")
    .description("List the archives whose paths match one of the globs")
    .argument("<vault>")
    .argument("<glob...>", "of the decoded path, e.g. 'photos/**/*.jpg'; without a slash, of the file's name")
    .option("-i, --ignore-case", "match upper and lower case alike");
  addListOptions(find)
    .addHelpText("after", findDetails)
    .action((vaultName: string, globs: readonly string[], options: ListOptions) =>
      listCommand(tools, vaultName, globs, options),
    );
  const exported = catalog
    .command("export")
    .description("Print the archives of a catalogue as CSV or JSON lines")
    .argument("<vault>")
    .option(...catalogFlags)
    .addOption(new Option("--format <format>", "csv or jsonl").choices(["csv", "jsonl"]).default("csv"));
  addFilterOptions(exported)
    .addHelpText("after", exportDetails)
    .action((vaultName: string, options: ExportOptions) => exportCommand(tools, vaultName, options));
}

const listDetails = `
The first line has the date of the inventory. With --quiet, only ids, one a
line. With --json, one line for each archive. An archive without a path is shown
as its id in parentheses.

Examples:
  moraine catalog ls photos --by-path
  moraine catalog ls photos --show-names
  moraine catalog ls photos --state vanished --state deleted`;

const findDetails = `
In a glob, * stands for any characters but a slash, ? for one, [a-z] and [!a-z]
for one of a set, and ** between slashes for any number of folders. Quote globs,
or the shell replaces them.

Examples:
  moraine catalog find photos '*.jpg' --ignore-case
  moraine catalog find photos '2019/**' --min-size 1GiB --quiet > ids.txt`;

const exportDetails = `
The CSV can be edited and read back by moraine catalog names.

Examples:
  moraine catalog export photos > photos.csv
  moraine catalog export photos --format jsonl | jq -r .path`;

function addListOptions(command: Command): Command {
  command
    .option(...catalogFlags)
    .option("--by-path", "in the order of paths (default: of creation)")
    .option(
      "--show-names",
      "show the description and the format that each path was decoded from, and counts by format",
    );
  return addFilterOptions(command);
}

async function listCommand(
  tools: CommandContext,
  vaultName: string,
  globs: readonly string[],
  options: ListOptions,
): Promise<void> {
  if (globs.includes("")) {
    throw new UsageError("A glob is empty: expected a pattern like '2019/**/*.jpg'");
  }
  const { json, quiet } = tools.options();
  const form = json ? "json" : quiet ? "ids" : options.showNames ? "names" : "table";
  await print(tools, vaultName, options, { form, select: (catalog) => selected(catalog, globs, options) });
}

async function exportCommand(tools: CommandContext, vaultName: string, options: ExportOptions): Promise<void> {
  const form = options.format === "csv" && !tools.options().json ? "csv" : "json";
  const select = ({ archives }: Catalog) => archives.inOrderOfCreation(filterOf(options));
  await print(tools, vaultName, options, { form, select });
}

interface Selection {
  readonly form: ListForm;
  readonly select: (catalog: Catalog) => AsyncIterable<readonly CatalogArchive[]>;
}

async function print(
  tools: CommandContext,
  vaultName: string,
  options: CatalogOptions,
  { form, select }: Selection,
): Promise<void> {
  const { openCatalog } = await import("../../catalog/opening/open-catalog.ts");
  const { archiveLines } = await import("../../catalog/archives/archive-lines.ts");
  const { asOfText } = await import("../../catalog/inventory/recorded-inventory.ts");
  using catalog = openCatalog(tools, vaultName, options);
  const asOf = asOfText(catalog);
  if ((form === "json" || form === "csv") && !tools.options().quiet) {
    tools.notice(asOf);
  }
  await tools.writeOut(archiveLines(select(catalog), form, asOf));
}

async function* selected(
  { archives }: Catalog,
  globs: readonly string[],
  options: ListOptions,
): AsyncGenerator<readonly CatalogArchive[], void, void> {
  const { ignoreCase = false, byPath = false } = options;
  const filter = filterOf(options);
  const [glob = ""] = globs;
  // A path's start that is known is searched for in the index.
  const prefix = globs.length === 1 && !ignoreCase ? literalPrefix(glob) : "";
  const isMatch = globs.length === 0 ? () => true : globMatcher(globs, { ignoreCase });
  const batches = byPath || prefix !== "" ? archives.inOrderOfPath(filter, prefix) : archives.inOrderOfCreation(filter);
  for await (const batch of batches) {
    yield batch.filter(({ path }) => isMatch(path));
  }
}
