import type { DatabaseSync } from "node:sqlite";
import { leafCount } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../domain/segment.ts";
import type { BlobStore } from "../../domain/stores/blob-store.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import type { Damage } from "../../domain/vaults/damage.ts";
import { leafAt, sha256 } from "../../segments/footer.ts";
import { openSegment, readOrCorrupt } from "../../segments/open.ts";
import { damageOf } from "../../storage/metadata/tables/damage-rows.ts";
import { packKey } from "../../storage/metadata/tables/packed.ts";
import { segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { DamageRow, SegmentRow } from "../../storage/metadata/tables/schema.ts";

/** A segment that reads found damaged, read again. */
export interface Suspect {
  readonly key: string;
  readonly ownerId: string;
  /** Why it is still damaged; null when every byte of it has its hash. */
  readonly problem: string | null;
  readonly places: readonly Damage[];
}

const mebibyte = 1024 ** 2;

/** Reads every suspect segment again, one after the other. */
export async function* suspectsOf(database: DatabaseSync, blobs: BlobStore): AsyncGenerator<Suspect, void, void> {
  const next = database.prepare("SELECT min(segment_key) AS key FROM damage WHERE segment_key > ?");
  const places = database.prepare("SELECT * FROM damage WHERE segment_key = ? ORDER BY first_byte");
  const find = database.prepare("SELECT * FROM segments WHERE name = ? AND state IN ('live', 'suspect')");
  let last = "";
  for (let key = next.get(last)?.["key"]; typeof key === "string"; key = next.get(last)?.["key"]) {
    last = nextPlace(last, key);
    const row = find.get(packKey(key)) as unknown as SegmentRow | undefined;
    if (row !== undefined) {
      const segment = segmentOf(row);
      const damages = (places.all(key) as unknown as DamageRow[]).map(damageOf);
      yield { key, ownerId: segment.ownerId, problem: await problemOf(blobs, segment), places: damages };
    }
  }
}

/** Says why a segment is not sound; null when every byte of it has its hash. */
export async function problemOf(blobs: Pick<BlobStore, "open">, segment: Segment): Promise<string | null> {
  try {
    const { reader, footer, close } = await openSegment(blobs, segment);
    try {
      for (let leaf = 0; leaf < leafCount(segment.sizeBytes); leaf += 1) {
        const bytes = Buffer.alloc(Math.min(mebibyte, segment.sizeBytes - leaf * mebibyte));
        await readOrCorrupt(reader, segment, bytes, leaf * mebibyte);
        if (!sha256(bytes).equals(leafAt(footer, leaf))) {
          return `the MiB at byte ${leaf * mebibyte} does not have its hash`;
        }
      }
      return null;
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      return error.reason;
    }
    throw error;
  }
}
