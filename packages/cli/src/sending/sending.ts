import type { GlacierClient } from "@moraine/client";
import type { Bandwidth, DigestPool } from "@moraine/client/node";
import type { Catalog } from "../catalog/catalog.ts";
import type { DescriptionFormat } from "../names/file-description.ts";
import type { FilesProgress } from "./files-progress.ts";
import type { KeyedTurns } from "./keyed-turns.ts";
import type { ManifestFile } from "./manifest-file.ts";

/** A run that sends files. */
export interface Sending {
  readonly client: GlacierClient;
  readonly vaultName: string;
  readonly catalog: Catalog;
  readonly manifest: ManifestFile | null;
  readonly format: DescriptionFormat;
  /** Takes a file of the same size and time as a known one for the same, unread. */
  readonly isQuick: boolean;
  /** Sends files again that may be stored already. */
  readonly resendsUnknown: boolean;
  /** False for a service that recognises a repeated request. */
  readonly isAws: boolean;
  readonly pool: DigestPool;
  readonly bandwidth: Bandwidth | undefined;
  /** Files at the same time. */
  readonly concurrency: number;
  readonly turns: KeyedTurns;
  /** Responses that were lost, one after the other. */
  lostResponses: number;
  readonly progress: FilesProgress;
  now(): Date;
  /** The file by which the upload of a large file is resumed. */
  journalOf(file: string): string;
}
