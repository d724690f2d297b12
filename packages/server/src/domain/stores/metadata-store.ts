import type { AccountId, ArchiveId, ByteRange, JobId, UploadId } from "@moraine/protocol";
import type { AuditChanges, AuditQueries } from "../audit.ts";
import type { AccountTurn } from "../jobs/account-turn.ts";
import type { InventoryOutput, Job, JobClaim, JobLane, JobState } from "../jobs/job.ts";
import type { Segment, SegmentIntent } from "../segment.ts";
import type { Instant } from "../time/instant.ts";
import type { Archive } from "../vaults/archive.ts";
import type { DamageChanges, DamageQueries } from "../vaults/damage.ts";
import type { AssembledArchive, ExpectedArchive, MultipartUpload } from "../vaults/multipart-upload.ts";
import type { PermittedVault } from "../vaults/permission.ts";
import type { Profile, Vault, VaultKey } from "../vaults/vault.ts";
import type { AccountSettingsChanges, AccountSettingsQueries } from "./account-settings-store.ts";
import type { ContentsQueries } from "./contents-store.ts";
import type { IdentityChanges, IdentityQueries } from "./identity-store.ts";
import type { InstallationChanges } from "./installation-store.ts";
import type { NotificationChanges, NotificationQueries } from "./notification-store.ts";
import type { ScrubChanges, ScrubQueries } from "./scrub-store.ts";
import type { TrustedTimeChanges, TrustedTimeQueries } from "./trusted-time-store.ts";
import type { VaultSettingsChanges } from "./vault-settings-store.ts";

/**
 * Keeps everything but the bytes. Each method is one transaction: all of it happens, or none. Inputs and results are
 * plain data, so that a driver may run the method on another thread, or several of them in one commit.
 *
 * A method that finds its conditions broken rejects with a GlacierError and changes nothing. When the store itself
 * fails, it rejects with `MetadataUnavailableError`; then the change may or may not have happened.
 */
export interface MetadataStore extends MetadataQueries, MetadataChanges {
  close(): Promise<void>;
}

/** Reads. Each sees every change that was acknowledged before it began. Lists are pages: never more than `limit` rows. */
export interface MetadataQueries
  extends AccountSettingsQueries,
    IdentityQueries,
    NotificationQueries,
    TrustedTimeQueries,
    DamageQueries,
    ScrubQueries,
    ContentsQueries,
    AuditQueries {
  findVault(key: VaultKey): Promise<Vault | null>;
  findVaultById(vaultId: string): Promise<Vault | null>;
  /** In bytewise order of names, those after `afterName` (all, if null). */
  listVaults(page: { accountId: AccountId; region: string; afterName: string | null; limit: number }): Promise<Vault[]>;

  /** Also a deleted archive, for as long as its row is kept; never one of another vault. */
  findArchive(at: { vaultId: string; archiveId: string }): Promise<Archive | null>;
  /**
   * The first `limit` segments of an archive that hold bytes of `range`, in order. Those of a deleted archive too, until
   * they are condemned: a job that was there before still reads them.
   */
  segmentsOf(at: { archiveId: ArchiveId; range: ByteRange; limit: number }): Promise<Segment[]>;
  /**
   * The archives that lived at `revision`, by creation time and then id, after the position `after` (from the start, if null).
   * `revision` is the present one, or one for which `unlistArchives` keeps deleted archives.
   */
  inventoryPage(page: InventoryPage): Promise<InventoryRows>;

  /** Null when the upload is completed, aborted, or idle since before `idleSince`. */
  findUpload(at: { vaultId: string; uploadId: string; idleSince: Instant }): Promise<MultipartUpload | null>;
  /** Like `findUpload`; and a count that grows with each part that is stored. */
  findUploadRevision(at: {
    vaultId: string;
    uploadId: string;
    idleSince: Instant;
  }): Promise<{ upload: MultipartUpload; partsRevision: number } | null>;
  /** Open uploads by creation time and then id, after the position `after` (from the start, if null). */
  listUploads(page: {
    vaultId: string;
    idleSince: Instant;
    after: Position | null;
    limit: number;
  }): Promise<MultipartUpload[]>;
  /** Parts of an open upload in order of their first byte, those after the byte `afterByte` (all, if null). */
  listParts(page: { uploadId: UploadId; afterByte: number | null; limit: number }): Promise<Segment[]>;

  /** Null when there is none in this vault, or it was completed at or before `completedSince`. */
  findJob(at: { vaultId: string; jobId: string; completedSince: Instant }): Promise<Job | null>;
  /** Newest first, equal times by id; those after the position `after` (all, if null). */
  listJobs(page: JobPage): Promise<Job[]>;
  /** When the next unclaimed job of a lane wants to run; null when none waits. `dueAfter` passes over jobs that are due until then. */
  nextJobDue(at: { lane: JobLane; now: Instant; dueAfter: Instant | null }): Promise<Instant | null>;

  /** The output of an inventory job as a segment. */
  findSegment(key: string): Promise<Segment | null>;
  /**
   * Segments that are deleted but not dead yet, by the time of their deletion and then in an order of the store's own, after
   * the position `after` (all, if null).
   */
  deletedSegments(page: { after: DeletedSegment | null; limit: number }): Promise<DeletedSegment[]>;
  /** Keys of dead segments in an order of the store's own, those after `afterKey` (all, if null). */
  deadSegments(page: { afterKey: string | null; limit: number }): Promise<string[]>;
}

export interface MetadataChanges
  extends VaultSettingsChanges,
    AccountSettingsChanges,
    IdentityChanges,
    NotificationChanges,
    TrustedTimeChanges,
    InstallationChanges,
    DamageChanges,
    ScrubChanges,
    AuditChanges {
  /** Does nothing when it exists. Throws LimitExceededException. */
  createVault(vault: { id: string; key: VaultKey; now: Instant }): Promise<void>;
  /**
   * Removes the vault with its settings, its open uploads and its jobs; does nothing when there is none. Throws when
   * `assertDeletable` or `assertVersion` does.
   * @param expectedVersion of the row that allowed it; null when there was no vault.
   */
  removeVault(vault: { key: VaultKey; profile: Profile; expectedVersion: number | null; now: Instant }): Promise<void>;
  /**
   * Drops up to `limit` rows of jobs and uploads of removed vaults, and lets their segments go. Returns how many; fewer than
   * `limit` when none is left.
   */
  clearVaults(at: { limit: number }): Promise<number>;
  /** Takes a new inventory if anything changed since the last, or there was none. Throws ResourceNotFoundException. */
  takeInventory(at: { vaultId: string; now: Instant }): Promise<Vault>;
  /** Takes the inventories that are due: of vaults first written to, or last inventoried, before `dueBefore`, and changed since. */
  takeDueInventories(at: { dueBefore: Instant; now: Instant; limit: number }): Promise<number>;

  /** Records the intent to store a segment: state `pending`. */
  recordIntent(intent: SegmentIntent): Promise<void>;
  /** Prolongs the leases of those that are still pending. */
  renewIntents(leases: { keys: readonly string[]; leaseUntil: Instant }): Promise<void>;
  /**
   * `pending → dead`: the bytes were never made visible, or must not be. Leaves a dead row also when the sweeper has already
   * forgotten the segment: the bytes may have become visible after the sweeper looked for them.
   */
  abandonSegment(segment: { key: string; ownerId: string }): Promise<void>;
  /** Lets go of every lease on segments, jobs and messages. Only for a process that knows it is alone, when it starts. */
  releaseLeases(now: Instant): Promise<void>;
  /**
   * Makes `dead` what nobody needs: `pending` past its lease, `deleted` since before `deletedBefore` and not read by a
   * job that completed after `completedSince` or is in progress; up to `limit` of each. Resolves to `limit` while there may be
   * more.
   */
  markDead(at: { now: Instant; deletedBefore: Instant; completedSince: Instant; limit: number }): Promise<number>;
  /**
   * Lets up to `limit` segments go of archives, uploads and jobs that have ended with more than a few. Returns how many rows
   * it changed; fewer than `limit` when none is left.
   */
  releaseSegments(at: { limit: number }): Promise<number>;
  /** Drops the rows of dead segments whose bytes are gone. */
  forgetSegments(keys: readonly string[]): Promise<void>;

  /**
   * Adds an archive of one segment: `pending → live`, exactly once. Resolves to it; or, when the same request made an archive
   * before that still lives, to that one, and the segment is `dead`. Throws ResourceNotFoundException when the vault is
   * gone, and VaultChangedError.
   */
  addArchive(
    upload: Omit<PermittedVault, "vaultId"> & { archive: Archive; segment: Segment; request?: UploadRequest },
  ): Promise<Archive>;
  /**
   * Deletes an archive and lets its segments go. Nothing happens when it was deleted before. Throws
   * ResourceNotFoundException for an id that was never issued or is forgotten, InvalidParameterValueException for another vault's, and
   * VaultChangedError.
   */
  removeArchive(at: PermittedVault & { archiveId: string; now: Instant }): Promise<void>;
  /**
   * Removes deleted archives from the lists that inventories read, except where an inventory that is being written, or with
   * the profile `aws` a vault's last one, still needs them. Visits up to `limit` vaults in order of their ids, from the
   * one after `afterVault` on (from the first, if null), and changes up to `limit` rows. Returns the next `afterVault`;
   * null once all vaults have been visited.
   */
  unlistArchives(at: { profile: Profile; afterVault: string | null; limit: number }): Promise<string | null>;
  /**
   * Drops up to `limit` rows of archives that were deleted before `deletedBefore` and that no inventory needs. Their ids
   * then count as never issued.
   */
  forgetArchives(at: { deletedBefore: Instant; limit: number }): Promise<number>;

  /** Throws ResourceNotFoundException when the vault is gone, and VaultChangedError. */
  addUpload(upload: Omit<PermittedVault, "vaultId"> & { upload: MultipartUpload }): Promise<void>;
  /**
   * Stores a part: `pending → live`, and an earlier part at the same first byte `live → deleted`, in one step. Throws
   * ResourceNotFoundException when the upload is no longer open in this vault, and VaultChangedError.
   */
  addPart(
    part: PermittedVault & { uploadId: UploadId; segment: Segment; idleSince: Instant; now: Instant },
  ): Promise<void>;
  /**
   * Makes the archive that was assembled, and its manifest live; or gives the same response again for 24 h after it was made. Null
   * when the upload is open and its parts are not those that were assembled. A manifest that is not needed is `dead`. Throws what `assertClaimed` throws, VaultChangedError, and
   * ResourceNotFoundException when the upload was never open, aborted or expired; then it stays as it is.
   */
  completeUpload(
    at: PermittedVault & {
      uploadId: string;
      claim: ExpectedArchive;
      assembled: AssembledArchive | null;
      idleSince: Instant;
      now: Instant;
    },
  ): Promise<Archive | null>;
  /**
   * Does nothing when it was aborted within the last 24 h. Throws ResourceNotFoundException otherwise when it is not open, and
   * VaultChangedError.
   */
  abortUpload(at: PermittedVault & { uploadId: string; idleSince: Instant; now: Instant }): Promise<void>;
  /** Ends up to `limit` idle uploads and lets their parts go. Returns how many. */
  expireUploads(at: { idleSince: Instant; now: Instant; limit: number }): Promise<number>;
  /** Drops up to `limit` rows of uploads that ended before `endedBefore`. Returns how many. */
  forgetUploads(at: { endedBefore: Instant; limit: number }): Promise<number>;
  /** Drops up to `limit` requests that were made before `madeBefore`: too old to be repeated. Returns how many. */
  forgetRequests(at: { madeBefore: Instant; limit: number }): Promise<number>;

  /**
   * Throws ResourceNotFoundException when the vault is gone, VaultChangedError, and what `assertJobsLeft` and
   * `assertRetrievalAllowed` throw.
   * @param monthlyFreeBytes what the strategy FreeTier lets be retrieved in a month.
   */
  addJob(job: Omit<PermittedVault, "vaultId"> & { job: Job; monthlyFreeBytes: number }): Promise<void>;
  /** Claims up to `limit` jobs of a lane that are due and that nobody holds; each claim bumps the job's fence. */
  claimJobs(at: JobTurn): Promise<JobClaim[]>;
  /** Prolongs a claim. False when the claim was lost. */
  renewJob(claim: { jobId: JobId; fence: number; leaseUntil: Instant }): Promise<boolean>;
  /**
   * Ends a job, once: an inventory's `output` becomes `live` with it, and a message waits for each topic that asked for one.
   * False when the claim was lost; then nothing happened.
   */
  finishJob(end: JobEnd): Promise<boolean>;
  /** Drops up to `limit` jobs that completed before `completedBefore`, and lets their outputs go. */
  expireJobs(at: { completedBefore: Instant; now: Instant; limit: number }): Promise<number>;
}

/** A place in a list that is ordered by creation time and then id. It need not be a row that still exists. */
export interface Position {
  readonly createdAt: Instant;
  readonly id: string;
}

export interface DeletedSegment {
  readonly key: string;
  readonly deletedAt: Instant;
  readonly sizeBytes: number;
}

export interface InventoryPage {
  readonly vaultId: string;
  readonly revision: number;
  readonly after: Position | null;
  /** Creation times from `createdFrom` on, and before `createdBefore`; null is no bound. */
  readonly createdFrom: Instant | null;
  readonly createdBefore: Instant | null;
  readonly limit: number;
}

export interface InventoryRows {
  readonly archives: Archive[];
  /** Sum of the digests of these archives' rows. */
  readonly sum: string;
}

export interface JobPage {
  readonly vaultId: string;
  readonly completedSince: Instant;
  /** Null is any. */
  readonly states: readonly JobState[] | null;
  readonly after: Position | null;
  readonly limit: number;
}

export interface JobTurn extends AccountTurn {
  readonly lane: JobLane;
}

/** One request of a client that may come again, because its response was lost. */
export interface UploadRequest {
  /** Names the principal, the operation, the vault and the content: a repetition gets only what this principal made from these. */
  readonly key: string;
  /** Requests from before this moment are forgotten. */
  readonly madeSince: Instant;
}

export interface JobEnd {
  readonly jobId: JobId;
  readonly fence: number;
  readonly state: "succeeded" | "failed";
  readonly statusMessage: string;
  readonly now: Instant;
  readonly output: { readonly segment: Segment; readonly document: InventoryOutput } | null;
}

/**
 * Outcomes of a method that failed. `busy`: others were in the way, and nothing happened. `not_committed`: the store cannot be used now, and
 * nothing happened. `unknown`: it may have happened, or may still happen.
 */
export type UnavailableOutcome = "busy" | "not_committed" | "unknown";

/** The store could not do it, or does not know whether it did. */
export class MetadataUnavailableError extends Error {
  override readonly name = "MetadataUnavailableError";
  readonly outcome: UnavailableOutcome;

  /** @param options.outcome `unknown` by default: it forbids what would be wrong in any of the cases. */
  constructor(
    message: string,
    { outcome = "unknown", ...options }: ErrorOptions & { outcome?: UnavailableOutcome } = {},
  ) {
    super(message, options);
    this.outcome = outcome;
  }
}

/** Error thrown when the kept metadata are not those that were stored. */
export class MetadataDamagedError extends Error {
  override readonly name = "MetadataDamagedError";

  constructor(path: string, finding: string) {
    super(`The database ${path} is damaged: ${finding}; restore it from a backup`);
  }
}

/** A row of the metadata that is not as it was stored. */
export interface DamagedRow {
  readonly table: string;
  /** Names the row by its key, or says what is known of it. */
  readonly row: string;
}

/** Error thrown when a row is damaged that an answer or a decision needs. The row is not used; others are. */
export class DamagedRowError extends Error {
  override readonly name = "DamagedRowError";

  readonly found: DamagedRow;

  constructor(found: DamagedRow) {
    super(`A row of the table ${found.table} is damaged, and not used: ${found.row}`);
    this.found = found;
  }
}
