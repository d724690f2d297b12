import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { Catalog } from "../../catalog/catalog.ts";

/** Returns the version of a path that counts: of two with the same date, the one that was added later. */
export const newerOf = (one: CatalogArchive | null, other: CatalogArchive): CatalogArchive =>
  one !== null && one.createdAt > other.createdAt ? one : other;

/** Returns the newest archive that has exactly this decoded path; null if there is none. */
export async function newestAt({ archives }: Catalog, path: string): Promise<CatalogArchive | null> {
  let newest: CatalogArchive | null = null;
  for await (const batch of archives.atPath(path)) {
    newest = batch.reduce<CatalogArchive | null>(newerOf, newest);
  }
  return newest;
}
