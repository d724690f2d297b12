import type { ArchiveId, TreeHash } from "./ids.ts";
import { formatSeconds } from "./timestamps.ts";

export interface InventoryItem {
  readonly archiveId: ArchiveId;
  /** Empty when the archive has none. */
  readonly archiveDescription: string;
  readonly creationDate: Date;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
}

export type InventoryFormat = "JSON" | "CSV";

/**
 * Header of DescribeVault's response: `current` from a server whose inventory jobs list the vault as it is when they start. AWS's service,
 * which lists it as of its last daily inventory, does not send it.
 */
export const inventoriesHeader = "x-moraine-inventories";

/** Writes an inventory piece by piece, so that a vault of any size needs no memory: a head, its items, a tail. */
export interface InventoryWriter {
  head(vaultArn: string, inventoryDate: Date): string;
  item(item: InventoryItem, isFirst: boolean): string;
  tail(): string;
}

/** Media types without parameters: clients compare the whole value. */
export const inventoryContentType: Readonly<Record<InventoryFormat, string>> = {
  JSON: "application/json",
  CSV: "text/csv",
};

export const inventoryWriters: Readonly<Record<InventoryFormat, InventoryWriter>> = {
  /** One compact line without an end, its fields in the order AWS has them. */
  JSON: {
    head: (vaultArn, inventoryDate) =>
      `{"VaultARN":${JSON.stringify(vaultArn)},"InventoryDate":"${formatSeconds(inventoryDate)}","ArchiveList":[`,
    item: (item, isFirst) => (isFirst ? "" : ",") + jsonItem(item),
    tail: () => "]}",
  },
  /** A header and a line for each archive, all ended by LF; vault and date of the inventory have no place in it. */
  CSV: {
    head: () => "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n",
    item: (item) => csvItem(item),
    tail: () => "",
  },
};

function jsonItem(item: InventoryItem): string {
  return JSON.stringify({
    ArchiveId: item.archiveId,
    ArchiveDescription: item.archiveDescription,
    CreationDate: formatSeconds(item.creationDate),
    Size: item.sizeBytes,
    SHA256TreeHash: item.treeHash,
  });
}

function csvItem(item: InventoryItem): string {
  const description = csvField(item.archiveDescription);
  return `${item.archiveId},${description},${formatSeconds(item.creationDate)},${item.sizeBytes},${item.treeHash}\n`;
}

/**
 * Glacier developer guide: a field with a comma or a quotation mark is enclosed in quotation marks, and one inside
 * becomes `\"`, while a backslash stays single: ambiguous at the end of a field, but so is AWS's format. Fields with a
 * backslash, or of white space alone, are enclosed too, as clients' parsers want it.
 */
function csvField(text: string): string {
  const isQuoted = /[",\\]/.test(text) || /^\s+$/.test(text);
  return isQuoted ? `"${text.replaceAll('"', '\\"')}"` : text;
}
