import { existsSync } from "node:fs";
import type { CommandContext } from "../../context/tools.ts";
import { messageOf } from "../../exit-codes.ts";
import type { Catalog } from "../catalog.ts";
import { type CatalogOptions, catalogPath } from "../opening/catalog-path.ts";

/** An archive that this program has stored. */
interface UploadedArchive {
  readonly archiveId: string;
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly description: string;
}

/** Records an upload in the vault's catalogue, if it has one. Resolves to a warning if that fails: the archive is stored all the same. */
export async function recordUpload(
  tools: CommandContext,
  vaultName: string,
  { archiveId, sizeBytes, treeHash, description }: UploadedArchive,
): Promise<string | null> {
  return record(tools, vaultName, {}, async (catalog) => {
    const { decodeName } = await import("../../names/decode-name.ts");
    const { path, format, modifiedAt } = decodeName(description);
    const createdAt = tools.now();
    catalog.archives.addUploaded({ archiveId, sizeBytes, treeHash, description, createdAt, path, format, modifiedAt });
  });
}

/** Records a deletion in the same manner. */
export async function recordDeletion(
  tools: CommandContext,
  vaultName: string,
  archiveId: string,
  options: CatalogOptions,
): Promise<string | null> {
  return record(tools, vaultName, options, ({ archives }) => {
    const archive = archives.get(archiveId);
    if (archive !== null) {
      archives.markDeleted([archive.number], tools.now());
    }
  });
}

async function record(
  tools: CommandContext,
  vaultName: string,
  options: CatalogOptions,
  change: (catalog: Catalog) => void | Promise<void>,
): Promise<string | null> {
  try {
    if (existsSync(catalogPath(tools, vaultName, options))) {
      // Loaded only for vaults that have a catalogue.
      const { openCatalog } = await import("../opening/open-catalog.ts");
      const { bindToVault } = await import("../opening/bind-to-vault.ts");
      using catalog = openCatalog(tools, vaultName, options);
      await bindToVault(await tools.client(), catalog, tools.signal);
      await change(catalog);
    }
    return null;
  } catch (error) {
    return `The catalogue was not updated, and the next import will do that: ${messageOf(error)}`;
  }
}
