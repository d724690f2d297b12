import type { ArchiveId, TreeHash } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";

export interface Archive {
  readonly id: ArchiveId;
  readonly vaultId: string;
  /** Printable ASCII; empty when there is none. */
  readonly description: string;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
  readonly createdAt: Instant;
  /** When it was deleted; null while it lives. The row stays for a time, so that deleting it again is no error. */
  readonly deletedAt: Instant | null;
}
