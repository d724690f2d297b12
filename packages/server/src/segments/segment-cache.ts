import type { Segment } from "../domain/segment.ts";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import { checkedFields, type OpenSegment, openSegment, type SegmentOpener } from "./open.ts";

export interface SegmentCacheLimits {
  /** Open files that nobody may be reading. */
  readonly segmentsMax: number;
  /** Bytes of all their leaf hashes together. */
  readonly leafBytesMax: number;
  /** Bounds how long a footer is believed without being read again. */
  readonly ageMillisecondsMax: number;
}

/** One open segment, and how many readers have it. */
interface Entry {
  readonly segment: Segment;
  readonly opening: Promise<OpenSegment>;
  /** Null until it is open. */
  open: OpenSegment | null;
  readers: number;
  /** False once it is out of the cache: the last reader closes it. */
  isKept: boolean;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keeps segments open whose footers have been read and checked: most ranged requests are for a segment that was read a moment
 * ago, and need nothing but the bytes of the range. Requests for the same segment share one file. The least recently used
 * ones are closed beyond the limits.
 */
export class SegmentCache implements SegmentOpener {
  readonly #blobs: BlobStore;
  readonly #limits: SegmentCacheLimits;
  /** By key; the least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #leafBytes = 0;

  constructor(blobs: BlobStore, limits: SegmentCacheLimits) {
    this.#blobs = blobs;
    this.#limits = limits;
  }

  async open(segment: Segment): Promise<OpenSegment> {
    const entry = this.#entryOf(segment);
    entry.readers += 1;
    let open: OpenSegment;
    try {
      open = await entry.opening;
    } catch (error) {
      await this.#drop(entry);
      throw error;
    }
    let isLent = true;
    return {
      reader: open.reader,
      footer: open.footer,
      ...(open.instead && { instead: open.instead }),
      close: async () => {
        if (isLent) {
          isLent = false;
          entry.readers -= 1;
          await closeUnlessUsed(entry);
        }
      },
    };
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      void this.#drop(entry);
    }
  }

  /** Closes what nobody reads; readers close the rest. */
  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    await Promise.allSettled(entries.map(({ opening }) => opening));
    await Promise.all(entries.map((entry) => this.#drop(entry)));
  }

  #entryOf(segment: Segment): Entry {
    const known = this.#entries.get(segment.key);
    if (known !== undefined && checkedFields.every((field) => known.segment[field] === segment[field])) {
      this.#entries.delete(segment.key);
      this.#entries.set(segment.key, known);
      return known;
    }
    if (known !== undefined) {
      void this.#drop(known);
    }
    const opening = openSegment(this.#blobs, segment);
    const entry: Entry = { segment, opening, open: null, readers: 0, isKept: true, timer: undefined };
    this.#entries.set(segment.key, entry);
    opening.then(
      (open) => this.#opened(entry, open),
      () => undefined, // The caller that asked for the segment gets the error.
    );
    return entry;
  }

  #opened(entry: Entry, open: OpenSegment): void {
    entry.open = open;
    if (!entry.isKept) {
      void closeUnlessUsed(entry);
      return;
    }
    this.#leafBytes += leafBytesOf(open);
    entry.timer = setTimeout(() => void this.#drop(entry), this.#limits.ageMillisecondsMax).unref();
    for (const oldest of this.#entries.values()) {
      if (this.#entries.size <= this.#limits.segmentsMax && this.#leafBytes <= this.#limits.leafBytesMax) {
        return;
      }
      void this.#drop(oldest);
    }
  }

  /** The next reader opens the segment again. */
  async #drop(entry: Entry): Promise<void> {
    if (!entry.isKept) {
      return;
    }
    entry.isKept = false;
    clearTimeout(entry.timer);
    this.#entries.delete(entry.segment.key);
    if (entry.open !== null) {
      this.#leafBytes -= leafBytesOf(entry.open);
    }
    await closeUnlessUsed(entry);
  }
}

/** The buffer that the leaf hashes are a part of is what is kept. */
const leafBytesOf = ({ footer }: OpenSegment): number => footer.leaves.buffer.byteLength;

async function closeUnlessUsed(entry: Entry): Promise<void> {
  if (!entry.isKept && entry.readers === 0 && entry.open !== null) {
    const { open } = entry;
    entry.open = null;
    // A failure changes nothing: the file was only read, and what was read of it has been compared with its hashes.
    await open.close().catch(() => undefined);
  }
}
