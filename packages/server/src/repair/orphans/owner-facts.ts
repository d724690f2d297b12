import { CorruptSegmentError, manifestPlace, type Segment } from "../../domain/segment.ts";
import { type BlobStore, NotRestoredYetError } from "../../domain/stores/blob-store.ts";
import type { Footer } from "../../segments/footer.ts";
import { openSegment } from "../../segments/open.ts";
import type { RowReader } from "../../storage/metadata/row-reader.ts";
import { packId } from "../../storage/metadata/tables/packed.ts";
import type { SealedTableName } from "../../storage/metadata/tables/row-macs/sealed-columns.ts";
import { segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import { ownerOfKey } from "../../verify/orphans/describe-orphan.ts";
import type { RowCheck } from "./row-check.ts";

/** Facts of the database about the owner of an orphan. `needed`: its bytes may be the only ones. `unknown`: a newer database may have known more. */
export interface OwnerFact {
  readonly state: "needless" | "needed" | "unknown";
  readonly reason: string;
}

export interface FactSources {
  readonly rows: RowReader;
  /** Null when no row can be checked, and nothing is removed. */
  readonly rowCheck: RowCheck | null;
  readonly blobs: Pick<BlobStore, "open">;
}

type OrphanContent = Pick<Footer, "kind" | "firstByte" | "sizeBytes">;

const fact = (state: OwnerFact["state"], reason: string): OwnerFact => ({ state, reason });

/** Looks up whether what an orphan belongs to has all of its bytes elsewhere, or has ended. */
export async function ownerFactOf(facts: FactSources, key: string, content: OrphanContent): Promise<OwnerFact> {
  const { rows } = facts;
  const ownerId = ownerOfKey(key);
  if (content.kind === "inventory") {
    return inventoryFact(facts, ownerId, key);
  }
  const { head, tail } = packId(ownerId);
  const ofArchive = "select * from archives where id_head = $1 and id_tail = $2";
  const [archive] = await rows.select(ofArchive, [head, tail]);
  if (archive !== undefined) {
    if (!isSound(facts, "archives", archive)) {
      return damagedFact("archives");
    }
    return archive["deleted_at"] === null
      ? liveArchiveFact(facts, head, content, Number(archive["size_bytes"]))
      : fact("needless", "its archive was deleted");
  }
  const ofUpload = "select * from uploads where archive_head = $1 and archive_tail = $2";
  const [upload] = await rows.select(ofUpload, [head, tail]);
  if (upload === undefined) {
    return fact("unknown", "no archive has it");
  }
  if (!isSound(facts, "uploads", upload)) {
    return damagedFact("uploads");
  }
  const { state } = upload;
  return state === "aborted" || state === "expired"
    ? fact("needless", `its upload was ${state}`)
    : fact("needed", `its upload is ${state}: look again once it has ended`);
}

const isSound = ({ rowCheck }: FactSources, table: SealedTableName, row: Readonly<Record<string, unknown>>): boolean =>
  rowCheck === null || rowCheck(table, row);

const damagedFact = (table: string): OwnerFact =>
  fact("needed", `the row of its owner in the table ${table} is damaged: see moraine verify`);

/** Inventories are made from the database: one that no job offers is of no use to anybody. */
async function inventoryFact(facts: FactSources, jobId: string, key: string): Promise<OwnerFact> {
  const [job] = await facts.rows.select("select * from jobs where id = $1", [jobId]);
  if (job !== undefined && !isSound(facts, "jobs", job)) {
    return damagedFact("jobs");
  }
  return job?.["output_key"] === key
    ? fact("needed", "a job offers it")
    : fact("needless", "an inventory that no job offers");
}

/**
 * An archive never changes. Segments of it do not overlap, so their sizes add up to its own when none is missing. The ones in the orphan's place
 * are opened: the orphan may be the object of a row whose name was damaged.
 */
async function liveArchiveFact(facts: FactSources, head: Uint8Array, content: OrphanContent, archiveBytes: number) {
  const ofOwner = "select * from segments where owner_head = $1 and state = 'live' order by first_byte";
  const rows = await facts.rows.select(ofOwner, [head]);
  const sound = rows
    .filter((row) => isSound(facts, "segments", row))
    .map((row) => segmentOf(row as unknown as SegmentRow));
  const bytes = sound.reduce((sum, { firstByte, sizeBytes }) => sum + (firstByte === manifestPlace ? 0 : sizeBytes), 0);
  const others = sound.filter((segment) => isInPlace(segment, content));
  const isWhole = bytes === archiveBytes && others.length > 0;
  return isWhole && (await areSound(facts, others))
    ? fact("needless", "its archive has all of its bytes in other segments")
    : fact("needed", "its archive exists, and lacks sound segments: this may be one");
}

/** The list of an archive's parts has a place before the first byte. */
const isInPlace = (segment: Segment, { kind, firstByte, sizeBytes }: OrphanContent): boolean =>
  kind === "manifest"
    ? segment.firstByte === manifestPlace
    : segment.firstByte < firstByte + sizeBytes && segment.firstByte + segment.sizeBytes > firstByte;

async function areSound({ blobs }: FactSources, others: readonly Segment[]): Promise<boolean> {
  for (const segment of others) {
    try {
      await (await openSegment(blobs, segment)).close();
    } catch (error) {
      if (error instanceof CorruptSegmentError || error instanceof NotRestoredYetError) {
        return false;
      }
      throw error;
    }
  }
  return true;
}
