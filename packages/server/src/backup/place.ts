import type { Segment } from "../domain/segment.ts";
import type { OpenSegment } from "../segments/open.ts";
import type { SegmentRow } from "../storage/metadata/tables/schema.ts";
import type { Backup, Manifest } from "./manifest.ts";
import type { Pace } from "./pace.ts";

/** A segment that is open, with the facts of its row. */
export interface OpenedSegment {
  readonly segment: Segment;
  readonly opened: OpenSegment;
}

/** Segments under the names that they have in a data folder. */
export interface SegmentSource {
  /** Opens a segment whose footer is the one of its row. Throws CorruptSegmentError, also when it is missing. */
  open(row: SegmentRow): Promise<OpenedSegment>;
  /** Bytes of its file; null when there is none. */
  sizeOf(key: string): Promise<number | null>;
}

/** A source to which segments can be added. */
export interface SegmentTarget extends SegmentSource {
  /** Called before segments of these keys are stored. */
  prepare(keys: readonly string[]): Promise<void>;
  /**
   * Stores a copy, and compares each MiB with its hash on the way; resolves to the bytes of its file. The copy has its name only when it is
   * whole. Throws CorruptSegmentError when the source is damaged, and any other error for the target's faults.
   */
  store(key: string, source: OpenedSegment, pace: Pace): Promise<number>;
  /** Resolves when the segments of these keys are durable, whoever stored them. */
  settle(keys: readonly string[]): Promise<void>;
  /** Called once all are settled. */
  finish(): Promise<void>;
}

/** A backup that is being made. Nothing but `publish` makes it one. */
export interface UnfinishedBackup {
  readonly segments: SegmentTarget;
  /** A local path at which the copy of the database is to be made. */
  readonly database: string;
  /** Keeps the database, before any segment: an interrupted backup has to name its segments. */
  keepDatabase(): Promise<void>;
  /** Makes it a backup, durably and in one step. */
  publish(manifest: Manifest): Promise<void>;
}

/** A place for backups, which share their segments; nobody else makes or removes backups in it while it is open. */
export interface BackupPlace extends AsyncDisposable {
  /** As operators call it. */
  readonly name: string;
  /** Its folder; null when it is no part of this machine. */
  readonly folder: string | null;
  readonly segments: SegmentSource;
  /** Complete backups, the newest first. */
  list(): Promise<Backup[]>;
  begin(name: string): Promise<UnfinishedBackup>;
  /** Path of a file with the copy of a backup's database, which stays while the place is open; null when it is missing. */
  databaseOf(name: string): Promise<string | null>;
  /** Takes what interrupted backups left for expired. */
  expireUnfinished(): Promise<void>;
  /** Hides backups from `list`, durably. */
  expire(names: readonly string[]): Promise<void>;
  expired(): Promise<readonly string[]>;
  databaseOfExpired(name: string): Promise<string | null>;
  /** Where an operator finds one that has expired. */
  pathOfExpired(name: string): string;
  /** Removes segments that no backup needs; returns how many there were. */
  removeSegments(keys: readonly string[]): Promise<number>;
  /** Removes all else of a backup that has expired. */
  removeExpired(name: string): Promise<void>;
}
