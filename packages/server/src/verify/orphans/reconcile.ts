import {
  type BlobDriver,
  BlobMissingError,
  type BlobStore,
  type ListedBlob,
  NotRestoredYetError,
} from "../../domain/stores/blob-store.ts";
import { isBlobKey } from "../../storage/blobs/blob-key.ts";
import type { RowReader } from "../../storage/metadata/row-reader.ts";
import { findSegment, type KnownSegment, segmentsBetween } from "./known-segments.ts";

export interface Reconciled {
  readonly rows: RowReader;
  readonly blobs: Pick<BlobDriver, "list"> & Pick<BlobStore, "open">;
}

/** An object without a row. */
export interface Orphan extends ListedBlob {
  /** The owner of a row of the same name, which is not the object's; null without such a row. */
  readonly otherKey: string | null;
}

export interface ReconcileOptions {
  /** Counted up while the store is listed. */
  readonly totals: ReconcileTotals;
  /** Objects that were changed later are not judged. */
  readonly olderThanMilliseconds: number;
  /** Called now and then; a rejection ends the comparison. */
  step(): Promise<void>;
  /** Called with an object whose row does not exist. The object may be gone by now. */
  orphan(orphan: Orphan): Promise<void>;
  /** Called with a row whose object does not exist, or whose owner is no id. */
  missing(segment: KnownSegment): void;
  foreign(name: string): void;
}

export interface ReconcileTotals {
  objects: number;
  bytes: number;
  segments: number;
  /** Objects without a row that are too young to be judged. */
  young: number;
}

const shelfLength = "ab/cd".length;
const first = new Uint8Array();
const afterAll = Buffer.alloc(15, 0xff);

/**
 * Compares the list of a store with the rows of its segments, both ways, folder by folder: keys and names of rows have the folders' order. Nodes
 * may write meanwhile, since a row is written before its object and removed after it: an object that was listed has its row, or none for good.
 * The list may be stale, so a missing object is looked for by its key, and its row is read again. Memory is needed for the keys in one folder of 65,536.
 */
export async function reconcile(reconciled: Reconciled, options: ReconcileOptions): Promise<void> {
  const comparison = new Comparison(reconciled, options);
  for await (const { blobs, listedAt } of reconciled.blobs.list("")) {
    for (const blob of blobs) {
      await comparison.add(blob, listedAt - blob.changedAt >= options.olderThanMilliseconds);
    }
    await options.step();
  }
  await comparison.end();
}

interface Listed {
  readonly blob: ListedBlob;
  readonly isJudged: boolean;
}

class Comparison {
  readonly #reconciled: Reconciled;
  readonly #options: ReconcileOptions;
  /** The objects of the folder that is being listed. */
  readonly #listed = new Map<string, Listed>();
  #shelf = "";
  /** The rows up to this name have been compared. */
  #after: Uint8Array = first;

  constructor(reconciled: Reconciled, options: ReconcileOptions) {
    this.#reconciled = reconciled;
    this.#options = options;
  }

  async add(blob: ListedBlob, isJudged: boolean): Promise<void> {
    this.#options.totals.objects += 1;
    this.#options.totals.bytes += blob.sizeBytes;
    if (!isBlobKey(blob.key)) {
      if (isJudged) {
        this.#options.foreign(blob.key);
      }
      return;
    }
    const shelf = blob.key.slice(0, shelfLength);
    if (shelf !== this.#shelf && this.#shelf !== "") {
      await this.#endShelf();
    }
    this.#shelf = shelf;
    this.#listed.set(blob.key, { blob, isJudged });
  }

  async end(): Promise<void> {
    if (this.#shelf !== "") {
      await this.#endShelf();
    }
    await this.#compareRows(afterAll);
  }

  async #endShelf(): Promise<void> {
    const end = Buffer.concat([Buffer.from(this.#shelf.replace("/", ""), "hex"), Buffer.alloc(13, 0xff)]);
    await this.#compareRows(end);
    for (const { blob, isJudged } of this.#listed.values()) {
      await this.#lookAtObject(blob, isJudged);
    }
    this.#listed.clear();
  }

  /** Compares the rows before `end`; those of folders without objects are among them. */
  async #compareRows(end: Uint8Array): Promise<void> {
    for await (const segment of segmentsBetween(this.#reconciled.rows, this.#after, end)) {
      this.#options.totals.segments += 1;
      if (!this.#listed.delete(segment.key) && isExpected(segment)) {
        await this.#lookForObject(segment);
      }
    }
    // A store that lists out of order costs more looks, and changes no finding.
    this.#after = Buffer.compare(end, this.#after) > 0 ? end : this.#after;
  }

  async #lookForObject(segment: KnownSegment): Promise<void> {
    const { rows } = this.#reconciled;
    if (isBlobKey(segment.key) && (await this.#exists(segment.key))) {
      return;
    }
    const now = isBlobKey(segment.key) ? await findSegment(rows, segment.key) : segment;
    if (now?.key === segment.key && isExpected(now)) {
      this.#options.missing(now);
    }
    await this.#options.step();
  }

  async #lookAtObject(blob: ListedBlob, isJudged: boolean): Promise<void> {
    const row = await findSegment(this.#reconciled.rows, blob.key);
    if (row?.key === blob.key) {
      return;
    }
    if (isJudged) {
      await this.#options.orphan({ ...blob, otherKey: row?.key ?? null });
    } else {
      this.#options.totals.young += 1;
    }
    await this.#options.step();
  }

  async #exists(key: string): Promise<boolean> {
    try {
      await (await this.#reconciled.blobs.open(key)).close();
      return true;
    } catch (error) {
      if (error instanceof BlobMissingError) {
        return false;
      }
      if (error instanceof NotRestoredYetError) {
        return true;
      }
      throw error;
    }
  }
}

/** An intent's object may not exist yet, and a dead segment's no more. */
const isExpected = ({ state }: KnownSegment): boolean => state !== "pending" && state !== "dead";
