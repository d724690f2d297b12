import type { ByteRange } from "@moraine/protocol";
import { CorruptSegmentError, manifestPlace, type Segment } from "../../domain/segment.ts";
import { nextPlace } from "../../domain/stores/next-place.ts";
import type { SegmentOpener } from "../../segments/open.ts";
import { rangeTreeHash } from "../../segments/range-tree-hash.ts";
import { unpackHash, unpackId } from "../../storage/metadata/tables/packed.ts";
import { segmentOf } from "../../storage/metadata/tables/rows.ts";
import type { ArchiveRow, SegmentRow } from "../../storage/metadata/tables/schema.ts";
import { isOfDatabase } from "../database-error.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 100;

type Row = ArchiveRow & { name: string | null; region: string; account_id: string };

/** Each archive has a vault and, with its bytes each in one segment, the tree hash of its segments'. */
export async function checkArchives(verification: Verification): Promise<void> {
  const rows = {
    table: "archives",
    columns: "archives.*, vaults.name, vaults.region, vaults.account_id",
    join: "LEFT JOIN vaults ON vaults.id = vault_id",
    where: "deleted_at IS NULL OR deleted_revision IS NULL",
    pageRows,
  } as const;
  const { totals } = verification;
  await verification.eachRow<Row>(
    rows,
    (row) => findingsOf(verification, row),
    (count) => {
      totals.archives += count;
    },
  );
}

async function findingsOf(verification: Verification, row: Row): Promise<Finding[]> {
  const archive = unpackId({ head: row.id_head, tail: row.id_tail });
  const vault = arnOfRow(row);
  const about = { archive, vault };
  if (row.deleted_at !== null || row.deleted_revision !== null) {
    return [{ code: "row-damaged", message: "the archive is both deleted and not", ...about }];
  }
  const findings: Finding[] = [
    ...(vault === undefined
      ? [{ code: "archive-vault" as const, message: "the archive's vault does not exist", ...about }]
      : []),
    ...(await manifestFindings(verification, row)).map((finding) => ({ ...finding, ...about })),
  ];
  try {
    const treeHash = await treeHashOf(verification, archive, row);
    if (treeHash !== unpackHash(row.tree_hash)) {
      const message = "the archive's tree hash is not that of its segments";
      findings.push({ code: "archive-tree-hash", message, ...about });
    }
  } catch (error) {
    if (error instanceof CorruptSegmentError) {
      findings.push({ code: "archive-coverage", message: error.reason, ...about });
    } else if (isOfDatabase(error)) {
      throw error;
    } else {
      findings.push({
        code: "row-damaged",
        message: `the archive's row cannot be read: ${(error as Error).message}`,
        ...about,
      });
    }
  }
  return findings;
}

/** Archives of earlier versions have no manifest. */
async function manifestFindings(
  { rows }: Verification,
  { id_head: head, id_tail: tail }: ArchiveRow,
): Promise<Finding[]> {
  const [manifest] = (await rows.select(
    "SELECT state, owner_tail FROM segments WHERE owner_head = $1 AND first_byte = $2",
    [head, manifestPlace],
  )) as Pick<SegmentRow, "state" | "owner_tail">[];
  const isReferenced = manifest?.state === "live" || manifest?.state === "suspect";
  if (manifest === undefined || (isReferenced && Buffer.from(manifest.owner_tail).equals(tail))) {
    return [];
  }
  return [{ code: "segment-state", message: `the archive's manifest is ${manifest.state}, or another archive's` }];
}

function treeHashOf(verification: Verification, archiveId: string, row: ArchiveRow): Promise<string> {
  if (!(row.size_bytes > 0)) {
    throw new CorruptSegmentError(null, `it has ${row.size_bytes} bytes`);
  }
  const range: ByteRange = { firstByte: 0, lastByte: row.size_bytes - 1 };
  return rangeTreeHash(noOpener, segmentsOf(verification, archiveId, row), range);
}

/** Whole segments are never opened: their rows have their tree hashes. */
const noOpener: SegmentOpener = {
  open: ({ key }) => Promise.reject(new CorruptSegmentError(key, "a segment is not a part of the archive")),
  forget: () => undefined,
};

async function* segmentsOf(
  { rows }: Verification,
  archiveId: string,
  { id_head: head, size_bytes: sizeBytes }: ArchiveRow,
) {
  const page = `SELECT * FROM segments WHERE owner_head = $1 AND first_byte > $2 ORDER BY first_byte LIMIT ${pageRows}`;
  for (let after = -1; ; ) {
    const found = (await rows.select(page, [head, after])) as unknown as SegmentRow[];
    const segments = found.map((row) => livingSegment(row, archiveId));
    const last = segments.at(-1);
    if (last === undefined) {
      return;
    }
    after = nextPlace(after, last.firstByte);
    if (last.firstByte + last.sizeBytes > sizeBytes) {
      throw new CorruptSegmentError(last.key, `a segment ends after the archive's ${sizeBytes} bytes`);
    }
    yield segments;
  }
}

function livingSegment(row: SegmentRow, archiveId: string): Segment {
  const segment = segmentOf(row);
  if (segment.ownerId !== archiveId) {
    throw new CorruptSegmentError(segment.key, `the segment at byte ${segment.firstByte} has another owner`);
  }
  if (row.state !== "live" && row.state !== "suspect") {
    throw new CorruptSegmentError(segment.key, `the segment at byte ${segment.firstByte} is ${row.state}`);
  }
  return segment;
}
