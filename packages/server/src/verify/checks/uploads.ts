import { unpackId } from "../../storage/metadata/tables/packed.ts";
import type { UploadRequestRow, UploadRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 200;

type Row = UploadRow & { name: string | null; region: string; account_id: string };

/** Open uploads have parts that fit; what was acknowledged as completed within the last day is an archive. */
export async function checkUploads(verification: Verification): Promise<void> {
  await verification.eachRow<Row>(
    {
      table: "uploads",
      columns: "uploads.*, vaults.name, vaults.region, vaults.account_id",
      join: "LEFT JOIN vaults ON vaults.id = vault_id",
      pageRows,
    },
    (row) => findingsOf(verification, row),
  );
  await checkRequests(verification);
}

async function findingsOf({ rows }: Verification, row: Row): Promise<Finding[]> {
  const vault = arnOfRow(row);
  const archive = unpackId({ head: row.archive_head, tail: row.archive_tail });
  const about = { upload: row.id, archive, vault };
  const archives = await rows.select("SELECT 1 FROM archives WHERE id_head = $1", [row.archive_head]);
  const hasArchive = archives.length > 0;
  if (row.state === "completed" && !hasArchive) {
    return [{ code: "archive-lost", message: "the archive of a completed upload does not exist", ...about }];
  }
  if (row.state !== "completed" && hasArchive) {
    return [{ code: "upload-parts", message: `the upload is ${row.state}, but has made an archive`, ...about }];
  }
  if (row.state !== "open") {
    return [];
  }
  const [unfit] = await rows.select(
    `SELECT first_byte FROM segments WHERE owner_head = $1 AND state IN ('live', 'suspect')
       AND (first_byte % $2 <> 0 OR size_bytes > $2 OR size_bytes < 1 OR owner_tail <> $3) ORDER BY first_byte LIMIT 1`,
    [row.archive_head, row.part_size_bytes, row.archive_tail],
  );
  return unfit === undefined
    ? []
    : [{ code: "upload-parts", message: `the part at byte ${unfit["first_byte"]} does not fit its upload`, ...about }];
}

/** An archive's row stays for 90 days after it was deleted, longer than the request that made it. */
async function checkRequests(verification: Verification): Promise<void> {
  await verification.eachRow<Pick<UploadRequestRow, "archive_head">>(
    {
      table: "upload_requests",
      columns: "archive_head",
      where: "NOT EXISTS (SELECT 1 FROM archives WHERE id_head = archive_head)",
      pageRows,
    },
    ({ archive_head: head }) => {
      const begin = Buffer.from(head).toString("hex").toUpperCase();
      const message = `an archive that was stored within the last day does not exist: its packed id begins ${begin}`;
      return [{ code: "archive-lost", message }];
    },
  );
}
