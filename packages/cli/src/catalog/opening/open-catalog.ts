import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { serviceOf } from "../../transfers/upload-state.ts";
import { Catalog, type VaultIdentity } from "../catalog.ts";
import { CatalogError } from "../catalog-error.ts";
import { lockCatalog } from "./catalog-lock.ts";
import { type CatalogOptions, catalogPath } from "./catalog-path.ts";
import { isCatalog } from "./is-catalog.ts";
import { finishRebuild, isRebuilt, rebuild } from "./rebuild.ts";

/** Opens the catalogue of a vault. Throws UsageError if there is none, and CatalogError if it cannot be used. */
export function openCatalog(tools: CommandContext, vaultName: string, options: CatalogOptions): Catalog {
  const path = catalogPath(tools, vaultName, options);
  assertNotRebuilt(path);
  if (!existsSync(path)) {
    throw new UsageError(
      `There is no catalogue of vault ${vaultName} (${path}): make one with moraine catalog import ${vaultName}`,
    );
  }
  return Catalog.open(path, identityOf(tools, vaultName), { mayCreate: false });
}

/**
 * Opens the catalogue of a vault for an import, or creates it.
 *
 * @param options with `rebuild`, sets the file that exists aside as FILE.old, and creates another with its costs: for a process that holds its lock
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
  assertNotRebuilt(path);
  if (options.rebuild && existsSync(path)) {
    assertIsCatalog(path, options);
    const { aside, hasCosts } = rebuild(path, vault);
    if (!hasCosts) {
      tools.stderr.write(`moraine: ${aside} does not say what was paid for: --max-cost counts from 0\n`);
    }
  }
  return Catalog.open(path, vault, { forImport: true });
}

/** Ends the rebuild of a catalogue that an earlier process was killed in. Waits for one that runs. */
export async function finishKilledRebuild(
  tools: CommandContext,
  vaultName: string,
  options: CatalogOptions,
): Promise<void> {
  const path = catalogPath(tools, vaultName, options);
  if (isRebuilt(path)) {
    await using _ = await lockCatalog(path, tools);
    if (isRebuilt(path)) {
      finishRebuild(path);
    }
  }
}

function assertNotRebuilt(path: string): void {
  if (isRebuilt(path)) {
    throw new CatalogError(
      `The catalogue ${path} is being made again: wait for that, or if it was interrupted, run moraine catalog import or rescue`,
    );
  }
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
