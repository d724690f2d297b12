import { type ByteRange, formatRange } from "@moraine/protocol";
import { JournalFile } from "../journal/journal-file.ts";
import { JournalMismatchError } from "../transfer-errors.ts";
import type { OutputFacts } from "./output-facts.ts";
import type { FetchedRange } from "./ranges/fetch-range.ts";
import { FetchedRanges } from "./ranges/fetched-ranges.ts";

/** The properties that must be unchanged for a download to be resumed. An archive's download may be resumed from another job. */
export interface DownloadIdentity {
  readonly vaultName: string;
  readonly archiveId: string | null;
  /** The job of an inventory: another job's may differ. Null for an archive. */
  readonly inventoryJobId: string | null;
  readonly retrievalByteRange: string | null;
  readonly sizeBytes: number;
  readonly treeHash: string | null;
  /** The range of the output. */
  readonly wanted: string;
}

export function downloadIdentity(
  job: { readonly vaultName: string; readonly jobId: string },
  facts: OutputFacts,
  wanted: ByteRange,
): DownloadIdentity {
  return {
    vaultName: job.vaultName,
    archiveId: facts.archiveId,
    inventoryJobId: facts.archiveId === null ? job.jobId : null,
    retrievalByteRange: facts.retrievalByteRange,
    sizeBytes: facts.sizeBytes,
    treeHash: facts.treeHash,
    wanted: formatRange(wanted),
  };
}

const format = "moraine download 1";

/**
 * Records which ranges of a partial file are right. A range's line is written once its bytes are on the disk, so lines are true after a
 * kill at any moment. After a power cut, only the last lines may be missing.
 */
export class DownloadJournal {
  readonly rangeSizeBytes: number;
  /** The recorded ranges, by index in the plan. */
  readonly ranges: FetchedRanges;
  readonly #file: JournalFile;
  readonly #syncData: () => Promise<void>;
  #pending: Array<{ readonly record: object; readonly done: PromiseWithResolvers<void> }> = [];
  #flushing: Promise<void> | null = null;

  private constructor(file: JournalFile, state: JournalState, syncData: () => Promise<void>) {
    this.#file = file;
    this.#syncData = syncData;
    this.rangeSizeBytes = state.rangeSizeBytes;
    this.ranges = state.ranges;
  }

  /**
   * Opens or creates the journal. Throws JournalMismatchError if it is of another download.
   * @param rangeSizeBytes for a new download; one that is resumed keeps its size.
   * @param syncData makes the bytes in the partial file survive a power cut.
   */
  static async open(
    path: string,
    identity: DownloadIdentity,
    { rangeSizeBytes, syncData }: { rangeSizeBytes: number; syncData: () => Promise<void> },
  ): Promise<DownloadJournal> {
    const { journal: file, records } = await JournalFile.open(path);
    try {
      const [head, ...rest] = records as [Head?, ...RangeRecord[]];
      if (head === undefined) {
        await file.append({ format, ...identity, rangeSizeBytes } satisfies Head);
        await file.sync();
      } else {
        assertSame(path, head, identity);
      }
      const state = { rangeSizeBytes: head?.rangeSizeBytes ?? rangeSizeBytes, ranges: rangesOf(rest) };
      return new DownloadJournal(file, state, syncData);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Records a range. Resolves when its bytes, and then its line, are written; lines that wait share one sync. */
  async add(index: number, { treeHash, proven }: FetchedRange): Promise<void> {
    await this.#write({ range: index, treeHash, proven } satisfies RangeRecord);
    this.ranges.set(index, { treeHash, proven });
  }

  /** Withdraws the records of these ranges. */
  async forget(indexes: readonly number[]): Promise<void> {
    for (const index of indexes) {
      await this.#write({ range: index, treeHash: null, proven: false } satisfies RangeRecord);
      this.ranges.delete(index);
    }
  }

  async sync(): Promise<void> {
    await this.#file.sync();
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  #write(record: object): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#pending.push({ record, done });
    this.#flushing ??= this.#flush();
    return done.promise;
  }

  async #flush(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#syncData();
        await this.#file.append(...batch.map(({ record }) => record));
        for (const { done } of batch) {
          done.resolve();
        }
      } catch (error) {
        for (const { done } of batch) {
          done.reject(error);
        }
      }
    }
    this.#flushing = null;
  }
}

type Head = DownloadIdentity & { readonly format: string; readonly rangeSizeBytes: number };

interface RangeRecord {
  readonly range: number;
  /** Null withdraws an earlier line. */
  readonly treeHash: string | null;
  readonly proven: boolean;
}

interface JournalState {
  readonly rangeSizeBytes: number;
  readonly ranges: FetchedRanges;
}

function rangesOf(records: readonly RangeRecord[]): FetchedRanges {
  const ranges = new FetchedRanges();
  for (const { range, treeHash, proven } of records) {
    if (treeHash === null) {
      ranges.delete(range);
    } else {
      ranges.set(range, { treeHash, proven });
    }
  }
  return ranges;
}

function assertSame(path: string, head: Head, identity: DownloadIdentity): void {
  const wanted = { format, ...identity, rangeSizeBytes: head.rangeSizeBytes };
  const differing = Object.entries(wanted).find(([name, value]) => head[name as keyof Head] !== value)?.[0];
  if (differing !== undefined) {
    throw new JournalMismatchError(
      `${path} is of another download: its ${differing} differs. Choose another target, or remove it and the partial file`,
    );
  }
}
