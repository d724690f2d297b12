import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncPath } from "../../files/sync-path.ts";
import { packKey } from "../../storage/metadata/tables/packed.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Pace } from "../pace.ts";
import type { OpenedSegment, SegmentTarget } from "../place.ts";
import { copySegment, SegmentFiles } from "../segment-files.ts";

/** Segments that are copied to a folder: a folder of backups, or a data folder that is restored. */
export class FolderSegments implements SegmentTarget {
  readonly #files: SegmentFiles;
  readonly #partials: string;
  readonly #outer = new Set<string>();

  /** @param partials a folder of the same file system, for copies that are not complete. */
  constructor(folder: string, partials: string) {
    this.#files = new SegmentFiles(folder);
    this.#partials = partials;
  }

  open(row: SegmentRow): Promise<OpenedSegment> {
    return this.#files.open(row);
  }

  sizeOf(key: string): Promise<number | null> {
    return this.#files.sizeOf(key);
  }

  async prepare(keys: readonly string[]): Promise<void> {
    for (const shelf of new Set(keys.map(dirname))) {
      await mkdir(join(this.#files.blobs, shelf), { recursive: true, mode: 0o700 });
      this.#outer.add(dirname(shelf));
    }
  }

  store(key: string, source: OpenedSegment, pace: Pace): Promise<number> {
    const partial = join(this.#partials, `${Buffer.from(packKey(key)).toString("hex")}.partial`);
    return copySegment(source, { path: join(this.#files.blobs, key), partial }, pace);
  }

  /** Also syncs folders in which nothing was copied: an earlier backup may have been killed before it did. */
  async settle(keys: readonly string[]): Promise<void> {
    for (const shelf of new Set(keys.map(dirname))) {
      await syncPath(join(this.#files.blobs, shelf));
    }
  }

  async finish(): Promise<void> {
    for (const name of this.#outer) {
      await syncPath(join(this.#files.blobs, name));
    }
    await syncPath(this.#files.blobs);
  }
}
