import { stat } from "node:fs/promises";
import type { InvalidEntry } from "@moraine/client/node";
import { findList } from "../../arguments/list-file.ts";
import { bindToVault } from "../../catalog/opening/bind-to-vault.ts";
import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import { openCatalog } from "../../catalog/opening/open-catalog.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { type PaceOptions, paceOf } from "../../transfers/transfer-options.ts";
import { jobFileFor } from "../../transfers/upload-state.ts";
import { FetchedFiles } from "../fetching/fetched-files.ts";
import { ownFilesOf } from "../local/own-files.ts";
import type { Watched } from "../send-files.ts";
import { compareCatalog, compareFiles, type FolderAudit } from "./audit-folder.ts";
import { compareInventory } from "./audit-inventory.ts";
import { type AuditCounts, auditLines, countOf } from "./audit-lines.ts";
import type { Difference } from "./difference.ts";

export interface AuditOptions extends CatalogOptions, Pick<PaceOptions, "bwlimit"> {
  readonly folder: string | null;
  /** A file of an inventory; null for the service's. */
  readonly inventory: string | null;
  /** Starts an inventory job even if one exists. */
  readonly start: boolean;
  readonly waitMillisecondsMax?: number;
  readonly isQuick: boolean;
  readonly concurrency: number;
}

/** Error thrown when an audit has found differences. */
export class AuditDifferenceError extends Error {
  override readonly name = "AuditDifferenceError";
}

/** Compares catalogue, inventory and folder, and prints the differences as they are found. Throws AuditDifferenceError for any. */
export async function auditVault(tools: CommandContext, vaultName: string, options: AuditOptions): Promise<void> {
  const { DigestPool } = await import("@moraine/client/node");
  using catalog = openCatalog(tools, vaultName, options);
  if (options.inventory === null) {
    await bindToVault(await tools.client(), catalog, tools.signal);
  }
  await using pool = new DigestPool();
  const { folder, isQuick, concurrency } = options;
  const path = folder === null ? null : await existingFolder(tools, folder);
  const list = options.inventory === null ? null : await findList(tools, options.inventory);
  const counts: AuditCounts = { listed: 0, listedAt: null, newer: 0, files: 0, differences: {} };
  const view = {
    name: vaultName,
    resumeHint: () => "An audit cannot be resumed, so it starts over.",
    bytesOnStdout: true,
    readable: () => "",
  };
  await tools.transfer<AuditCounts>(view, async (watched) => {
    const invalid: Difference[] = [];
    const onInvalid = ({ reason }: InvalidEntry) =>
      void invalid.push({ kind: "invalid-in-inventory", path: "", archiveId: null, details: reason });
    const { InventoryReader } = await import("@moraine/client/node");
    const bytes = list === null ? await serviceInventory(tools, vaultName, options, watched) : list.bytes();
    const inVault = withInvalid(compareInventory(catalog, new InventoryReader(bytes, { onInvalid }), counts), invalid);
    const own = await ownFilesOf(tools, vaultName, options);
    const settings = { catalog, pool, isQuick, concurrency, own, signal: watched.signal };
    const audit = path === null ? null : { ...settings, folder: path };
    const differences = all(inVault, audit, counts);
    await tools.writeOut(auditLines(differences, counts, tools.options()));
    return counts;
  });
  if (countOf(counts) > 0) {
    throw new AuditDifferenceError(`${countOf(counts)} differences were found: see above`);
  }
}

async function* all(
  inVault: AsyncIterable<readonly Difference[]>,
  audit: Omit<FolderAudit, "fetched"> | null,
  counts: AuditCounts,
): AsyncGenerator<readonly Difference[], void, void> {
  yield* inVault;
  if (audit !== null) {
    const fetched = await FetchedFiles.of(audit.catalog, audit.signal);
    yield* compareFiles({ ...audit, fetched }, counts);
    yield* compareCatalog({ ...audit, fetched });
  }
}

/** Adds the entries of the inventory that cannot be read: they may be archives that the catalogue lacks. */
async function* withInvalid(
  batches: AsyncIterable<readonly Difference[]>,
  invalid: Difference[],
): AsyncGenerator<readonly Difference[], void, void> {
  for await (const differences of batches) {
    yield [...invalid.splice(0), ...differences];
  }
  yield invalid;
}

async function existingFolder({ pathOf }: CommandContext, folder: string): Promise<string> {
  const found = await stat(pathOf(folder)).catch(() => null);
  if (!found?.isDirectory()) {
    throw new UsageError(`${folder} is not a folder`);
  }
  return pathOf(folder);
}

async function serviceInventory(
  tools: CommandContext,
  vaultName: string,
  { start, waitMillisecondsMax, bwlimit }: AuditOptions,
  watched: Watched,
): Promise<AsyncIterable<Uint8Array>> {
  const { streamInventory } = await import("@moraine/client/node");
  const jobFile = await jobFileFor(tools, vaultName, "audit");
  const pace = await paceOf(bwlimit === undefined ? {} : { bwlimit });
  const wait = waitMillisecondsMax === undefined ? {} : { waitMillisecondsMax };
  const wanted = { ...pace, ...wait, ...(start && { reuse: false }) };
  return streamInventory(await tools.client(), { vaultName }, { ...wanted, ...watched, jobFile });
}
