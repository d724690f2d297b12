import type { ProgressEvent, TransferEvent, WarningEvent } from "@moraine/client/node";

/** The events that a report shows: the library's, and warnings that only the command gives. */
export type ReportEvent = TransferEvent | CommandWarning | FilesProgressEvent | FileEvent;

/** The progress of many files: their bytes, and their number. */
export interface FilesProgressEvent extends ProgressEvent {
  readonly files: {
    readonly done: number;
    /** Null until all were found. */
    readonly total: number | null;
    /** The things that are counted, if their bytes do not matter. @default files with their bytes */
    readonly unit?: "archives" | undefined;
  };
}

/** One of many files or archives was dealt with. */
export interface FileEvent {
  readonly kind: "file";
  readonly state: FileState;
  /** The path of the file; of an archive without one, its id. */
  readonly path: string;
  /** The archive's path, if the file has another one. */
  readonly archivePath?: string;
  readonly archiveId?: string;
  readonly sizeBytes?: number;
  /** The reason, or what to do. */
  readonly message?: string;
}

/** Known: the vault has it. Unknown: the vault may have it. Present: the folder has it. Absent: the vault did not have it. Left out: it is no archive by its kind. */
export type FileState =
  | "sent"
  | "known"
  | "unknown"
  | "fetched"
  | "present"
  | "deleted"
  | "absent"
  | "left-out"
  | "failed";

/** Whether an event is what is expected of each file, which a person need not see. */
export function isRoutine(event: ReportEvent): boolean {
  return event.kind === "file" && ["sent", "known", "fetched", "present"].includes(event.state);
}

interface CommandWarning extends Omit<WarningEvent, "code"> {
  readonly code: /** The list of archives is older than the vault may be. */
    | "inventory-age"
    /** The inventory was imported, but some of it could not be used. */
    | "inventory-entries"
    /** The archive is stored, and the catalogue does not have it. */
    | "catalog-not-written"
    /** A glob has matched nothing. */
    | "unused-glob"
    /** A job is not requested, or an output not fetched, at the moment. */
    | "retrieval";
}
