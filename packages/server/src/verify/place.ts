import type { PagedRows } from "../storage/metadata/row-reader.ts";
import type { OpenedFolder } from "./open-folder.ts";
import type { SegmentStore } from "./segment-store.ts";

/** Metadata and segments that are read and never changed. */
export interface VerifiedPlace {
  readonly rows: PagedRows;
  readonly segments: SegmentStore;
  /** Null for a cluster. */
  readonly folder: OpenedFolder | null;
  /** Whether a look may see a change half way: servers may run, or requests may fail for a moment. */
  readonly isRunning: boolean;
  /** Where the metadata were read, for people. */
  readonly source: string;
}
