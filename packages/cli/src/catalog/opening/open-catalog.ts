import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { serviceOf } from "../../transfers/upload-state.ts";
import { Catalog, type VaultIdentity } from "../catalog.ts";
import { CatalogError } from "../catalog-error.ts";
import { type CatalogOptions, catalogPath } from "./catalog-path.ts";
import { isCatalog } from "./is-catalog.ts";
import { finishRebuild, rebuild } from "./rebuild.ts";

/** Opens the catalogue of a vault. Throws UsageError if there is none, and CatalogError if it cannot be used. */
export function openCatalog(tools: CommandContext, vaultName: string, options: CatalogOptions): Catalog {
  const path = catalogPath(tools, vaultName, options);
  if (!existsSync(path)) {
    throw new UsageError(
      `There is no catalogue of vault ${vaultName} (${path}): make one with moraine catalog import ${vaultName}`,
    );
  }
  return Catalog.open(path, identityOf(tools, vaultName));
}

/**
 * Opens the catalogue of a vault for an import, or creates it.
 *
 * @param options with `rebuild`, sets the file that exists aside as FILE.old, and creates another with its costs.
 */
export function createCatalog(
  tools: CommandContext,
  vaultName: string,
  options: CatalogOptions & { readonly rebuild?: boolean },
): Catalog {
  const path = catalogPath(tools, vaultName, options);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { message } = cause as Error;
    throw new UsageError(`cannot create the folder of ${path}: ${message}; name a file with --catalog`, { cause });
  }
  const vault = identityOf(tools, vaultName);
  if (!existsSync(path)) {
    finishRebuild(path);
  } else if (options.rebuild) {
    assertIsCatalog(path, options);
    const { aside, hasCosts } = rebuild(path, vault);
    if (!hasCosts) {
      tools.stderr.write(`moraine: ${aside} does not say what was paid for: --max-cost counts from 0\n`);
    }
  }
  return Catalog.open(path, vault, { forImport: true });
}

/** A file that the user has named may be anything. */
function assertIsCatalog(path: string, { catalog }: CatalogOptions): void {
  if (catalog !== undefined && !isCatalog(path)) {
    throw new CatalogError(`${path} is not a catalogue: move it away, or name another file with --catalog`);
  }
}

function identityOf(tools: CommandContext, vaultName: string): VaultIdentity {
  const { endpoint, region, account } = serviceOf(tools);
  return { endpoint: endpoint ?? "", region: region ?? "", accountId: account ?? "-", vaultName };
}
