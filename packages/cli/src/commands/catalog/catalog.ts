import { Command } from "commander";
import type { CommandContext } from "../../context/tools.ts";
import { addCatalogImport } from "./catalog-import.ts";
import { addCatalogLists } from "./catalog-lists.ts";
import { addCatalogNames } from "./catalog-names.ts";

/** Keeps a local list of a vault's archives, with the names of their files. */
export function catalogCommand(tools: CommandContext): Command {
  const catalog = new Command("catalog").description(
    "Catalogues: a vault's archives with the names of files, kept here",
  );
  addCatalogImport(catalog, tools);
  addCatalogLists(catalog, tools);
  addCatalogNames(catalog, tools);
  return catalog.addHelpText("after", details);
}

const details = `
A catalogue is a file on this machine, made from an inventory of the vault, in
$XDG_STATE_HOME/moraine/catalogs (~/.local/state/moraine/catalogs). It is as of
that inventory, whose date each command prints, except for uploads and deletions
made by this command since then. It holds nothing that cannot be imported again.

Examples:
  moraine catalog import photos
  moraine catalog find photos '2019/**/*.jpg' --min-size 10MiB`;
