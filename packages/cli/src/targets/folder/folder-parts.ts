import type { DigestPool } from "@moraine/client/node";
import type { InnerFolders } from "./inner-folders.ts";

/** The services that the steps of a copy share. */
export interface FolderParts {
  /** The target's path, without symbolic links. */
  readonly root: string;
  readonly folders: InnerFolders;
  readonly pool: DigestPool;
}
