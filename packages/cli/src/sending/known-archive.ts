import type { CatalogArchive } from "../catalog/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { type Comparison, FileContent } from "./file-content.ts";
import type { LocalFile } from "./local-entry.ts";
import { newestAt } from "./newest-archive.ts";

/**
 * Returns the newest archive of the path if it has the file's content, else null: an older one is not what a restore would bring back. Only a
 * file whose path and size are known is read. Throws the file system's errors.
 */
export async function findKnown(
  comparison: Comparison & { readonly catalog: Catalog },
  file: LocalFile,
  path: string,
  signal: AbortSignal,
): Promise<CatalogArchive | null> {
  const newest = await newestAt(comparison.catalog, path);
  const isKnown = newest !== null && (await new FileContent(comparison, file, signal).isOf(newest));
  return isKnown ? newest : null;
}
