import type { JobClaim } from "../domain/jobs/job.ts";
import type { Node } from "../domain/node.ts";
import type { RemovalFailure } from "../domain/stores/blob-store.ts";
import type { DamagedRow } from "../domain/stores/metadata-store.ts";
import type { DeletedBytes } from "../domain/stores/storage-report.ts";
import type { KeptClock } from "../domain/time/trusted-clock.ts";
import type { Profile } from "../domain/vaults/vault.ts";
import type { DamageReports } from "../segments/damage-reports.ts";
import type { ReadServices } from "../segments/read.ts";
import type { ReceiveServices } from "../segments/receive.ts";
import type { ScrubLog } from "./scrub/scrub.ts";

/** All that work without a caller may touch. */
export interface JobServices extends ReceiveServices, ReadServices {
  readonly node: Node;
  readonly damage: DamageReports;
  readonly profile: Profile;
  readonly trustedClock: KeptClock;
  /** How long a completed job can be described and its output read. */
  readonly outputMilliseconds: number;
  /** How long the bytes of deleted archives are kept. */
  readonly deletedGraceMilliseconds: number;
  /** How long entries of the audit trail are kept. */
  readonly auditKeptMilliseconds: number;
  /** Within this time all that is stored is read back. */
  readonly scrubPeriodMilliseconds: number;
  readonly log: JobLog;
}

export interface JobLog extends ScrubLog {
  finished(claim: JobClaim, state: "succeeded" | "failed"): void;
  /** Bytes that deletions will give back. */
  deletedBytes(deleted: DeletedBytes): void;
  /** The work could not be done now; it will be tried again. */
  postponed(what: string, error: unknown): void;
  /** A job failed since a row that it needs is damaged. */
  damagedRow(row: DamagedRow): void;
  /** Called after each pass over the store that has moved segments to another class. */
  moved(count: number, storageClass: string): void;
  /** Called after each pass over the blobs that are to be removed. */
  swept(result: SweepResult): void;
}

/** Result of one pass over the blobs that are to be removed. */
export interface SweepResult {
  readonly removedCount: number;
  /** Blobs that stay on the medium for now. */
  readonly failedCount: number;
  /** One of the failures; null when there is none. */
  readonly failure: RemovalFailure | null;
}

/** The result of a job. */
export interface Outcome {
  readonly state: "succeeded" | "failed";
  readonly statusMessage: string;
  /** Set when the work has tried to end the job itself, together with its output: whether its claim still held. */
  readonly ended?: boolean;
}
