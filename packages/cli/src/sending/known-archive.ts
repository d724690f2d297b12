import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { newestAt } from "./fetching/newest-archive.ts";
import { type Comparison, FileContent } from "./local/file-content.ts";
import type { LocalFile } from "./local/local-entry.ts";

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
