import { existsSync } from "node:fs";
import type { Catalog } from "../catalog/catalog.ts";
import { type CatalogOptions, catalogPath } from "../catalog/opening/catalog-path.ts";
import { createCatalog, openCatalog } from "../catalog/opening/open-catalog.ts";
import type { CommandContext } from "../context/tools.ts";

/** Opens the catalogue of a vault, or creates an empty one. Throws CatalogError for one that cannot be used. */
export function openOrCreateCatalog(tools: CommandContext, vaultName: string, options: CatalogOptions): Catalog {
  if (!existsSync(catalogPath(tools, vaultName, options))) {
    createCatalog(tools, vaultName, options)[Symbol.dispose]();
  }
  return openCatalog(tools, vaultName, options);
}

/** Opens the catalogue of a vault; null if there is none. */
export function openIfExists(tools: CommandContext, vaultName: string, options: CatalogOptions): Catalog | null {
  return existsSync(catalogPath(tools, vaultName, options)) ? openCatalog(tools, vaultName, options) : null;
}
