import { dirname } from "node:path";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Bucket } from "../../storage/s3/bucket.ts";
import type { Pace } from "../pace.ts";
import type { OpenedSegment, SegmentTarget } from "../place.ts";
import { openRow } from "../segment-files.ts";
import { openObject } from "./bucket-reader.ts";
import { segmentUpload } from "./segment-upload.ts";

/** Folders of segments whose names are in memory at a time. */
const shelvesMax = 64;
const blobs = "blobs/";

/** Segments as objects. Which are there is known from lists: a request for each of them would take longer than the copies. */
export class BucketSegments implements SegmentTarget {
  readonly #bucket: Bucket;
  readonly #shelves = new Map<string, Promise<ReadonlyMap<string, number>>>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  open(row: SegmentRow): Promise<OpenedSegment> {
    return openRow({ open: (key) => openObject(this.#bucket, `${blobs}${key}`) }, row);
  }

  async sizeOf(key: string): Promise<number | null> {
    return (await this.#shelf(dirname(key))).get(key) ?? null;
  }

  async prepare(): Promise<void> {
    // Objects need no folders.
  }

  async store(key: string, source: OpenedSegment, pace: Pace): Promise<number> {
    const upload = await segmentUpload(source, pace);
    await this.#bucket.put(`${blobs}${key}`, upload);
    return upload.sizeBytes;
  }

  async settle(): Promise<void> {
    // An object that the service has acknowledged is durable.
  }

  async finish(): Promise<void> {
    // As above.
  }

  /** Removes objects that are there; returns how many. */
  async remove(keys: readonly string[]): Promise<number> {
    let removed = 0;
    for (const key of keys) {
      if ((await this.sizeOf(key)) !== null) {
        await this.#bucket.remove(`${blobs}${key}`);
        removed += 1;
      }
    }
    return removed;
  }

  #shelf(shelf: string): Promise<ReadonlyMap<string, number>> {
    const known = this.#shelves.get(shelf) ?? this.#listed(shelf);
    this.#shelves.delete(shelf);
    this.#shelves.set(shelf, known);
    const [oldest] = this.#shelves.keys();
    if (oldest !== undefined && this.#shelves.size > shelvesMax) {
      this.#shelves.delete(oldest);
    }
    return known;
  }

  async #listed(shelf: string): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>();
    for await (const page of this.#bucket.list(`${blobs}${shelf}/`)) {
      for (const { key, sizeBytes } of page) {
        sizes.set(key.slice(blobs.length), sizeBytes);
      }
    }
    return sizes;
  }
}
