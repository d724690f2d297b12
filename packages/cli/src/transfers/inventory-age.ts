import { createReadStream } from "node:fs";
import type { VaultContents } from "@moraine/client/node";
import type { InventoryItem } from "@moraine/protocol";
import { newJobFlag } from "./download-options.ts";

/** The date and the counts of a list of archives. */
export interface ListedArchives {
  count: number;
  /** Null in CSV, which has no field for it. */
  date: Date | null;
}

type Reader = AsyncIterable<readonly InventoryItem[]> & { readonly inventoryDate: Date | null };

/** Passes the items of a list on, and counts them. */
export async function* counted(reader: Reader, listed: ListedArchives): AsyncGenerator<readonly InventoryItem[]> {
  for await (const items of reader) {
    listed.count += items.length;
    yield items;
  }
  listed.date = reader.inventoryDate;
}

/** Passes a document on unchanged, and counts its archives. Throws InventoryFormatError for a document that is no inventory. */
export async function* countedDocument(
  bytes: AsyncIterable<Uint8Array>,
  listed: ListedArchives,
): AsyncGenerator<Uint8Array> {
  const { InventoryReader } = await import("@moraine/client/node");
  const passed: Uint8Array[] = [];
  const watched = async function* () {
    for await (const piece of bytes) {
      passed.push(piece);
      yield piece;
    }
  };
  for await (const _ of counted(new InventoryReader(watched()), listed)) {
    yield* passed.splice(0);
  }
  yield* passed;
}

/** Counts the archives of a document in a file. */
export async function countFile(path: string, listed: ListedArchives): Promise<void> {
  for await (const _ of countedDocument(createReadStream(path), listed)) {
    // Reading it counts the archives.
  }
}

/**
 * Describes how old a list is, and how it differs from the vault's own count. Returns null when the list is current: the service makes
 * inventories on request, and the counts agree.
 */
export function ageOf(listed: ListedArchives, contents: VaultContents | null): string | null {
  const { archiveCount = null, lastInventoryDate = null, hasCurrentInventories = false } = contents ?? {};
  if (hasCurrentInventories && listed.count === archiveCount) {
    return null;
  }
  const asOf = listed.date === null ? "has no date" : `is as of ${listed.date.toISOString()}`;
  const at = lastInventoryDate === null ? "its last inventory" : `its inventory of ${lastInventoryDate.toISOString()}`;
  const vault = hasCurrentInventories ? "the vault now has" : `the vault had at ${at}`;
  const count = archiveCount === null ? "" : `; ${vault} ${archiveCount}`;
  return (
    `This list ${asOf}; uploads and deletions since then are not in it. ` +
    `It has ${listed.count} ${listed.count === 1 ? "archive" : "archives"}${count}. For a newer list, add ${newJobFlag}`
  );
}
