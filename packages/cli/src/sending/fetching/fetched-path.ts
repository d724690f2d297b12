import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { safePath } from "../../names/safe-path.ts";

/** Returns the path that an archive's file gets in a folder, unless another file has it. No document of Moraine is next to it. */
export const fetchedPath = ({ path, archiveId }: Pick<CatalogArchive, "path" | "archiveId">): string =>
  safePath(path, archiveId, { hasDocuments: false });
