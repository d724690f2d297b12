import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { stateFile } from "../../transfers/upload-state.ts";

export interface CatalogOptions {
  /** The file. @default in the folder of this program's state, by the service and the vault */
  readonly catalog?: string;
}

/** Returns the file of a vault's catalogue, which may not exist. Throws UsageError for a name that no vault can have. */
export function catalogPath(tools: CommandContext, vaultName: string, { catalog }: CatalogOptions): string {
  if (!/^[\w.-]{1,255}$/.test(vaultName)) {
    throw new UsageError(`Invalid vault name "${vaultName.slice(0, 255)}"`);
  }
  const nameOf = (hash: string) => `${vaultName.slice(0, nameLengthMax)}-${hash.slice(0, 8)}.sqlite`;
  return catalog === undefined ? stateFile(tools, "catalogs", [vaultName], nameOf) : tools.pathOf(catalog);
}

/** Names of files have at most 255 bytes, those of SQLite's log included. */
const nameLengthMax = 200;
