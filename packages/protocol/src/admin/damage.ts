import { type AdminOperation, type AdminPageInput, type AdminPageOutput, pageQuery } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const damageOperations = {
  ListDamagedArchives: { method: "GET", path: "/admin/damaged", status: 200, scope: "service", resource: "any", request: "none", response: "json", query: pageQuery },
} as const satisfies Record<string, AdminOperation>;

export interface DamageShapes {
  /** The stored bytes that proved damaged and have not been read right since: one item for each damaged place. */
  ListDamagedArchives: { input: AdminPageInput; output: ListDamagedArchivesOutput };
}

export interface DamageDescription {
  readonly Kind: "Archive" | "Inventory";
  readonly AccountId: string;
  readonly VaultARN: string;
  /** Null for an inventory. */
  readonly ArchiveId: string | null;
  /** The job whose output is damaged; null for an archive. */
  readonly JobId: string | null;
  readonly ArchiveDescription: string;
  /** Size of the entire archive or document. */
  readonly SizeInBytes: number;
  /** The damaged bytes within it, as in `1048576-2097151`: a MiB, or all that one segment holds; `manifest` for the list of an archive's parts. */
  readonly ByteRange: string;
  /** The segment's path below `blobs/` in the data folder; null when no segment holds the bytes. */
  readonly Segment: string | null;
  readonly Reason: string;
  /** When a read first met it. */
  readonly FoundDate: string;
}

export interface ListDamagedArchivesOutput extends AdminPageOutput {
  readonly DamagedArchives: readonly DamageDescription[];
}
