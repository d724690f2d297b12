import type { CatalogArchive } from "../catalog/archives/archive-row.ts";
import type { ArchiveFacts } from "../targets/target.ts";
import { pathOf, type RescueParts } from "./rescue-state.ts";

/** Returns an archive as its target needs it. */
export function factsOf(parts: Pick<RescueParts, "copies">, archive: CatalogArchive): ArchiveFacts {
  const { archiveId, sizeBytes, treeHash, description, modifiedAt } = archive;
  return { archiveId, sizeBytes, treeHash, description, modifiedAt, path: pathOf(parts, archive) };
}
