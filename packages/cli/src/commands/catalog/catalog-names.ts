import type { Command } from "commander";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../../context/tools.ts";
import { listing } from "../../terminal/table.ts";
import { catalogFlags } from "./catalog-flags.ts";

export function addCatalogNames(catalog: Command, tools: CommandContext): void {
  catalog
    .command("names")
    .description("Give archives the paths in a file, in the place of those that were decoded")
    .argument("<vault>")
    .argument("<file>", "CSV of archive ids and paths, or the database of a _mapping vault of Synology Glacier Backup")
    .option(...catalogFlags)
    .addHelpText("after", details)
    .action((vaultName: string, file: string, options: CatalogOptions) =>
      namesCommand(tools, vaultName, file, options),
    );
}

const details = `
Paths that were given stay when an inventory is imported. A first line may name
the columns ArchiveId and Path; others are ignored.

Examples:
  moraine catalog names photos names.csv
  moraine catalog export photos --name-format text > names.csv`;

async function namesCommand(
  tools: CommandContext,
  vaultName: string,
  file: string,
  options: CatalogOptions,
): Promise<void> {
  if (tools.reportIfDryRun(`give archives of vault ${vaultName} the paths in ${file}`)) {
    return;
  }
  const { openCatalog } = await import("../../catalog/opening/open-catalog.ts");
  const { asOfText } = await import("../../catalog/inventory/recorded-inventory.ts");
  const { renameArchives } = await import("../../catalog/archives/rename-archives.ts");
  const { readOverrides } = await import("../../names/overrides.ts");
  using catalog = openCatalog(tools, vaultName, options);
  const result = await renameArchives(catalog, readOverrides(tools.pathOf(file)), tools);
  const asOf = asOfText(catalog).replace(/^As of /, "");
  tools.printResult(result, () => listing({ "as of": asOf, renamed: result.renamed, unknown: result.unknown }));
}
