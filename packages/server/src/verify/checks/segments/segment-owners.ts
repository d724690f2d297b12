import type { RowReader } from "../../../storage/metadata/row-reader.ts";
import { unpackId } from "../../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../../storage/metadata/tables/schema.ts";
import type { Finding } from "../../finding.ts";
import { arnOfRow } from "../../vault-arn.ts";

/** The archive, upload or job that refers to a segment. */
export interface Owner {
  readonly about: Pick<Finding, "vault" | "archive" | "upload" | "job">;
  /** Fields that the segment's footer must have; null when the owner has gone and its segments are about to. */
  readonly footer: { readonly vaultArn: string | undefined; readonly description: string } | null;
}

const vaultColumns = "vaults.account_id, vaults.region, vaults.name";

/** Finds who refers to a segment; null when nobody does. */
export async function ownerOf({ select }: Pick<RowReader, "select">, row: SegmentRow): Promise<Owner | null> {
  const { owner_head: head, owner_tail: tail } = row;
  const id = unpackId({ head, tail });
  const [archive] = await select(
    `SELECT description, ${vaultColumns} FROM archives LEFT JOIN vaults ON vaults.id = vault_id
     WHERE id_head = $1 AND id_tail = $2 AND deleted_at IS NULL`,
    [head, tail],
  );
  if (archive !== undefined) {
    const vault = vaultOf(archive);
    return { about: { archive: id, vault }, footer: { vaultArn: vault, description: String(archive["description"]) } };
  }
  const [upload] = await select(
    `SELECT uploads.id, description, ${vaultColumns} FROM uploads LEFT JOIN vaults ON vaults.id = vault_id
     WHERE archive_head = $1 AND archive_tail = $2 AND state = 'open'`,
    [head, tail],
  );
  if (upload !== undefined) {
    const vault = vaultOf(upload);
    const footer = { vaultArn: vault, description: String(upload["description"]) };
    return { about: { upload: String(upload["id"]), vault }, footer };
  }
  const [job] = await select(
    `SELECT ${vaultColumns} FROM jobs LEFT JOIN vaults ON vaults.id = vault_id WHERE jobs.id = $1 AND output_key = $2`,
    [id, keyOf(row)],
  );
  if (job !== undefined) {
    const vault = vaultOf(job);
    return { about: { job: id, vault }, footer: { vaultArn: vault, description: "" } };
  }
  const released = await select("SELECT 1 FROM releases WHERE owner_id = $1", [id]);
  return released.length === 0 ? null : { about: { archive: id }, footer: null };
}

const vaultOf = (row: Readonly<Record<string, unknown>>): string | undefined =>
  arnOfRow(row as Record<"account_id" | "region" | "name", unknown>);
