import { unpackId } from "../../storage/metadata/tables/packed.ts";
import type { UploadRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 200;

type Row = UploadRow & { at: number; name: string | null; region: string; account_id: string };

/** Open uploads have parts that fit; what was acknowledged as completed within the last day is an archive. */
export async function checkUploads(verification: Verification): Promise<void> {
  const page = verification.database.prepare(
    `SELECT uploads.rowid AS at, uploads.*, vaults.name, vaults.region, vaults.account_id FROM uploads
     LEFT JOIN vaults ON vaults.id = vault_id WHERE uploads.rowid > ? ORDER BY uploads.rowid LIMIT ${pageRows}`,
  );
  await verification.eachRow<Row>(page, (row) => findingsOf(verification, row));
  await checkRequests(verification);
}

function findingsOf({ database }: Verification, row: Row): Finding[] {
  const vault = arnOfRow(row);
  const archive = unpackId({ head: row.archive_head, tail: row.archive_tail });
  const about = { upload: row.id, archive, vault };
  const archives = database.prepare("SELECT count(*) AS count FROM archives WHERE id_head = ?").get(row.archive_head);
  const hasArchive = archives?.["count"] !== 0;
  if (row.state === "completed" && !hasArchive) {
    return [{ code: "archive-lost", message: "the archive of a completed upload does not exist", ...about }];
  }
  if (row.state !== "completed" && hasArchive) {
    return [{ code: "upload-parts", message: `the upload is ${row.state}, but has made an archive`, ...about }];
  }
  if (row.state !== "open") {
    return [];
  }
  const unfit = database
    .prepare(
      `SELECT first_byte FROM segments WHERE owner_head = ?1 AND state IN ('live', 'suspect')
         AND (first_byte % ?2 <> 0 OR size_bytes > ?2 OR size_bytes < 1 OR owner_tail <> ?3) ORDER BY first_byte LIMIT 1`,
    )
    .get(row.archive_head, row.part_size_bytes, row.archive_tail);
  return unfit === undefined
    ? []
    : [{ code: "upload-parts", message: `the part at byte ${unfit["first_byte"]} does not fit its upload`, ...about }];
}

/** An archive's row stays for 90 days after it was deleted, longer than the request that made it. */
async function checkRequests(verification: Verification): Promise<void> {
  const lost = verification.database.prepare(
    `SELECT hex(archive_head) AS head FROM upload_requests
     WHERE NOT EXISTS (SELECT 1 FROM archives WHERE id_head = archive_head)`,
  );
  await verification.confirmed(() =>
    lost.all().map(({ head }) => ({
      code: "archive-lost",
      message: `an archive that was stored within the last day does not exist: its packed id begins ${head}`,
    })),
  );
}
