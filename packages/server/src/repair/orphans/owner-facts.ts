import { CorruptSegmentError, manifestPlace } from "../../domain/segment.ts";
import { type BlobStore, NotRestoredYetError } from "../../domain/stores/blob-store.ts";
import type { Footer } from "../../segments/footer.ts";
import { openSegment } from "../../segments/open.ts";
import type { RowReader } from "../../storage/metadata/row-reader.ts";
import { packId } from "../../storage/metadata/tables/packed.ts";
import { segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import { ownerOfKey } from "../../verify/orphans/describe-orphan.ts";

/** Facts of the database about the owner of an orphan. `needed`: its bytes may be the only ones. `unknown`: a newer database may have known more. */
export interface OwnerFact {
  readonly state: "needless" | "needed" | "unknown";
  readonly reason: string;
}

export interface FactSources {
  readonly rows: RowReader;
  readonly blobs: Pick<BlobStore, "open">;
}

type OrphanContent = Pick<Footer, "kind" | "firstByte" | "sizeBytes">;

const fact = (state: OwnerFact["state"], reason: string): OwnerFact => ({ state, reason });

/** Looks up whether what an orphan belongs to has all of its bytes elsewhere, or has ended. */
export async function ownerFactOf(facts: FactSources, key: string, content: OrphanContent): Promise<OwnerFact> {
  const { rows } = facts;
  const ownerId = ownerOfKey(key);
  if (content.kind === "inventory") {
    return inventoryFact(rows, ownerId, key);
  }
  const { head, tail } = packId(ownerId);
  const ofArchive = "select deleted_at, size_bytes from archives where id_head = $1 and id_tail = $2";
  const [archive] = await rows.select(ofArchive, [head, tail]);
  if (archive !== undefined) {
    return archive["deleted_at"] === null
      ? liveArchiveFact(facts, head, content, Number(archive["size_bytes"]))
      : fact("needless", "its archive was deleted");
  }
  const ofUpload = "select state from uploads where archive_head = $1 and archive_tail = $2";
  const [upload] = await rows.select(ofUpload, [head, tail]);
  if (upload === undefined) {
    return fact("unknown", "no archive has it");
  }
  const { state } = upload;
  return state === "aborted" || state === "expired"
    ? fact("needless", `its upload was ${state}`)
    : fact("needed", `its upload is ${state}: look again once it has ended`);
}

/** Inventories are made from the database: one that no job offers is of no use to anybody. */
async function inventoryFact(rows: RowReader, jobId: string, key: string): Promise<OwnerFact> {
  const [job] = await rows.select("select output_key from jobs where id = $1", [jobId]);
  return job?.["output_key"] === key
    ? fact("needed", "a job offers it")
    : fact("needless", "an inventory that no job offers");
}

/**
 * An archive never changes. Segments of it do not overlap, so their sizes add up to its own when none is missing. The ones in the orphan's place
 * are opened: the orphan may be the object of a row whose name was damaged.
 */
async function liveArchiveFact(facts: FactSources, head: Uint8Array, content: OrphanContent, archiveBytes: number) {
  const { rows } = facts;
  const sum =
    "select coalesce(sum(size_bytes), 0) as bytes from segments where owner_head = $1 and first_byte >= $2 and state = 'live'";
  const [found] = await rows.select(sum, [head, 0]);
  const { kind, firstByte, sizeBytes } = content;
  const range = kind === "manifest" ? [manifestPlace + 1, manifestPlace] : [firstByte + sizeBytes, firstByte];
  const inPlace =
    "select * from segments where owner_head = $1 and first_byte < $2 and first_byte + size_bytes > $3 and state = 'live'";
  const others = (await rows.select(inPlace, [head, ...range])) as unknown as SegmentRow[];
  const isWhole = Number(found?.["bytes"]) === archiveBytes && others.length > 0;
  return isWhole && (await areSound(facts, others))
    ? fact("needless", "its archive has all of its bytes in other segments")
    : fact("needed", "its archive exists, and lacks sound segments: this may be one");
}

async function areSound({ blobs }: FactSources, others: readonly SegmentRow[]): Promise<boolean> {
  for (const row of others) {
    try {
      await (await openSegment(blobs, segmentOf(row))).close();
    } catch (error) {
      if (error instanceof CorruptSegmentError || error instanceof NotRestoredYetError) {
        return false;
      }
      throw error;
    }
  }
  return true;
}
