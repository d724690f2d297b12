import type { ProgressEvent, TransferEvent } from "@moraine/client/node";
import type { FileEvent, ReportEvent } from "../transfers/report-event.ts";

/** Files and bytes. */
export interface Amount {
  readonly files: number;
  readonly bytes: number;
}

/** The result of a run, by the states of files. */
export interface FileCounts {
  /** Stored, or fetched, by this run. */
  readonly done: Amount;
  /** Nothing had to be done for these. */
  readonly known: Amount;
  /** Fetched or present files that have another name than their archive. */
  readonly renamed: number;
  /** Archives to be deleted that the vault did not have. */
  readonly absent: number;
  readonly leftOut: number;
  readonly unknown: number;
  readonly failed: number;
}

type Mutable<Type> = { -readonly [Name in keyof Type]: Type[Name] };

const byteCounts = ["verifiedBytes", "transferredBytes", "repeatedBytes", "resumedBytes"] as const;
type Bytes = Record<(typeof byteCounts)[number], number>;

/** Adds up the progress of many files at the same time, and reports it as that of one transfer. */
export class FilesProgress {
  readonly #onEvent: (event: ReportEvent) => void;
  readonly #bytes: Bytes = { verifiedBytes: 0, transferredBytes: 0, repeatedBytes: 0, resumedBytes: 0 };
  readonly #counts = {
    done: { files: 0, bytes: 0 } as Mutable<Amount>,
    known: { files: 0, bytes: 0 } as Mutable<Amount>,
    renamed: 0,
    absent: 0,
    leftOut: 0,
    unknown: 0,
    failed: 0,
  };
  readonly #unit: "archives" | undefined;
  #total: Amount | null = null;
  #leftOutBytes = 0;

  /** @param unit what is counted, if the bytes do not matter */
  constructor(onEvent: (event: ReportEvent) => void, unit?: "archives") {
    this.#onEvent = onEvent;
    this.#unit = unit;
  }

  get counts(): FileCounts {
    return this.#counts;
  }

  /** Called once all files were found. */
  totalKnown(total: Amount): void {
    this.#total = total;
    this.#report();
  }

  /** Returns a listener for the transfer of one file: it adds its bytes, and passes other events on with the file's path. */
  ofFile(path: string): (event: TransferEvent) => void {
    const before: Bytes = { verifiedBytes: 0, transferredBytes: 0, repeatedBytes: 0, resumedBytes: 0 };
    return (event) => {
      if (event.kind === "progress") {
        this.#add(before, event);
      } else {
        this.#onEvent(event.kind === "warning" ? { ...event, message: `${path}: ${event.message}` } : event);
      }
    };
  }

  /** Counts bytes that were received. */
  moved(bytes: number): void {
    this.#bytes.transferredBytes += bytes;
    this.#bytes.verifiedBytes += bytes;
    this.#report();
  }

  /** Reports an event of a file that is finished, one way or another. */
  ended(event: Omit<FileEvent, "kind">): void {
    const { state, sizeBytes = 0 } = event;
    if (state === "known" || state === "present") {
      this.#bytes.verifiedBytes += sizeBytes;
      this.#bytes.resumedBytes += sizeBytes;
    }
    this.#count(state, sizeBytes);
    this.#counts.renamed += event.archivePath === undefined ? 0 : 1;
    this.#onEvent({ kind: "file", ...event });
    this.#report();
  }

  #add(before: Bytes, event: ProgressEvent): void {
    for (const name of byteCounts) {
      this.#bytes[name] += event[name] - before[name];
      before[name] = event[name];
    }
    this.#report();
  }

  #count(state: FileEvent["state"], sizeBytes: number): void {
    const amounts = { sent: "done", fetched: "done", deleted: "done", known: "known", present: "known" } as const;
    if (state === "left-out") {
      this.#counts.leftOut += 1;
    } else if (state === "absent") {
      this.#counts.absent += 1;
    } else if (state === "failed" || state === "unknown") {
      this.#counts[state] += 1;
      this.#leftOutBytes += sizeBytes;
    } else {
      const amount = this.#counts[amounts[state]];
      amount.files += 1;
      amount.bytes += sizeBytes;
    }
  }

  #report(): void {
    const { done, known, absent, unknown, failed } = this.#counts;
    this.#onEvent({
      kind: "progress",
      // A file that failed will not be transferred, and is no part of the remaining time.
      sizeBytes: this.#total === null ? null : Math.max(0, this.#total.bytes - this.#leftOutBytes),
      ...this.#bytes,
      files: {
        done: done.files + known.files + absent + unknown + failed,
        total: this.#total?.files ?? null,
        ...(this.#unit !== undefined && { unit: this.#unit }),
      },
    });
  }
}
