import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { DigestPool } from "../hashing/digest-pool.ts";
import { inParallel } from "../in-parallel.ts";
import type { DownloadJournal } from "./download-journal.ts";
import type { PartialFile } from "./files/partial-file.ts";
import { type FetchContext, fetchRange, type Keep } from "./ranges/fetch-range.ts";
import type { PlannedRange } from "./ranges/ranges.ts";
import type { Verification, VerifiedBy } from "./verification.ts";

export interface FileDownloadParts extends FetchContext {
  readonly wanted: ByteRange;
  readonly ranges: Iterable<PlannedRange>;
  readonly verification: Verification;
  readonly partial: PartialFile;
  readonly journal: DownloadJournal;
  readonly pool: DigestPool;
  readonly concurrency: number;
  readonly signal: AbortSignal;
}

/** Downloads the missing ranges to a partial file until all of it is verified. */
export async function fillPartial(parts: FileDownloadParts): Promise<VerifiedBy> {
  await recheck(parts);
  await fetchMissing(parts);
  for (let isSecond = false; ; isSecond = true) {
    const verifiedBy = parts.verification.judge(parts.journal.ranges, parts.progress);
    if (verifiedBy !== null) {
      return verifiedBy;
    }
    const unproven = [...only(parts.ranges, ({ index }) => !parts.journal.ranges.get(index)?.proven)];
    const failure = parts.verification.failure(parts.journal.ranges);
    for (const range of unproven) {
      const event = {
        kind: "range-failed",
        range,
        attempt: isSecond ? 2 : 1,
        error: failure,
        final: isSecond,
      } as const;
      parts.progress.emit(event);
      parts.progress.unverified(rangeLength(range));
    }
    await parts.journal.forget(unproven.map(({ index }) => index));
    if (isSecond || unproven.length === 0) {
      throw failure;
    }
    await fetchMissing(parts);
  }
}

/** Yields the ranges of a plan that pass a test, as they are needed. */
function* only(
  ranges: Iterable<PlannedRange>,
  passes: (range: PlannedRange) => boolean,
): Generator<PlannedRange, void, void> {
  for (const range of ranges) {
    if (passes(range)) {
      yield range;
    }
  }
}

/** Reads the ranges of an earlier run again, since the file may have changed. A range that no longer has its hash is forgotten. */
async function recheck(parts: FileDownloadParts): Promise<void> {
  const { ranges, journal, progress, concurrency, signal } = parts;
  const changed: number[] = [];
  const check = async (range: PlannedRange) => {
    if ((await digestInFile(parts, range)) === journal.ranges.get(range.index)?.treeHash) {
      progress.resumed(rangeLength(range));
      return;
    }
    changed.push(range.index);
    const message = "A range that an earlier run had verified has changed on the disk; it is fetched again";
    progress.emit({ kind: "warning", code: "partial-changed", range, message });
  };
  await inParallel(
    only(ranges, ({ index }) => journal.ranges.has(index)),
    concurrency,
    check,
    signal,
  );
  await journal.forget(changed);
}

async function fetchMissing(parts: FileDownloadParts): Promise<void> {
  const { ranges, wanted, partial, journal, progress, concurrency, signal } = parts;
  const recording = new Set<Promise<void>>();
  const fetch = async (range: PlannedRange, either: AbortSignal) => {
    const position = range.firstByte - wanted.firstByte;
    const keep: Keep = (bytes, offset) => partial.write(bytes, position + offset);
    const fetched = await fetchRange(parts, range, keep, either);
    const record = journal.add(range.index, fetched).then(() => {
      recording.delete(record);
      progress.verified(rangeLength(range));
    });
    // A record that fails stays, so that the next wait throws its error.
    record.catch(() => undefined);
    recording.add(record);
    // The number of ranges not yet recorded is bounded, since a kill loses them.
    while (recording.size > concurrency) {
      await Promise.race(recording);
    }
  };
  const missing = only(ranges, ({ index }) => !journal.ranges.has(index));
  try {
    await inParallel(missing, concurrency, fetch, signal);
  } finally {
    await Promise.all(recording);
  }
}

/** Whether the journal has all ranges. */
export function isComplete({ ranges, journal }: Pick<FileDownloadParts, "ranges" | "journal">): boolean {
  return only(ranges, ({ index }) => !journal.ranges.has(index)).next().done === true;
}

/** Returns the tree hash of a range as it is in the file. */
export async function digestInFile(
  { partial, pool, wanted }: { partial: { readonly fd: number }; pool: DigestPool; wanted: ByteRange },
  range: ByteRange,
): Promise<string> {
  const place = {
    fd: partial.fd,
    firstByte: range.firstByte - wanted.firstByte,
    lastByte: range.lastByte - wanted.firstByte,
  };
  return (await pool.ofFile(place, "tree")).treeHash;
}
