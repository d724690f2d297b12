import type { DatabaseSync, StatementSync } from "node:sqlite";
import { unpackId } from "../../storage/metadata/tables/packed.ts";
import { keyOf } from "../../storage/metadata/tables/rows.ts";
import type { SegmentRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";

/** The archive, upload or job that refers to a segment. */
export interface Owner {
  readonly about: Pick<Finding, "vault" | "archive" | "upload" | "job">;
  /** Fields that the segment's footer must have; null when the owner has gone and its segments are about to. */
  readonly footer: { readonly vaultArn: string | undefined; readonly description: string } | null;
}

const vaultColumns = "vaults.account_id, vaults.region, vaults.name";

/** Finds who refers to segments. */
export class SegmentOwners {
  readonly #archive: StatementSync;
  readonly #upload: StatementSync;
  readonly #job: StatementSync;
  readonly #release: StatementSync;

  constructor(database: DatabaseSync) {
    this.#archive = database.prepare(
      `SELECT description, ${vaultColumns} FROM archives LEFT JOIN vaults ON vaults.id = vault_id
       WHERE id_head = ? AND id_tail = ? AND deleted_at IS NULL`,
    );
    this.#upload = database.prepare(
      `SELECT uploads.id, description, ${vaultColumns} FROM uploads LEFT JOIN vaults ON vaults.id = vault_id
       WHERE archive_head = ? AND archive_tail = ? AND state = 'open'`,
    );
    this.#job = database.prepare(
      `SELECT ${vaultColumns} FROM jobs LEFT JOIN vaults ON vaults.id = vault_id WHERE jobs.id = ? AND output_key = ?`,
    );
    this.#release = database.prepare("SELECT 1 FROM releases WHERE owner_id = ?");
  }

  find(row: SegmentRow): Owner | null {
    const { owner_head: head, owner_tail: tail } = row;
    const id = unpackId({ head, tail });
    const archive = this.#archive.get(head, tail);
    if (archive !== undefined) {
      const vault = vaultOf(archive);
      return {
        about: { archive: id, vault: vault },
        footer: { vaultArn: vault, description: String(archive["description"]) },
      };
    }
    const upload = this.#upload.get(head, tail);
    if (upload !== undefined) {
      const vault = vaultOf(upload);
      return {
        about: { upload: String(upload["id"]), vault: vault },
        footer: { vaultArn: vault, description: String(upload["description"]) },
      };
    }
    const job = this.#job.get(id, keyOf(row));
    if (job !== undefined) {
      const vault = vaultOf(job);
      return { about: { job: id, vault: vault }, footer: { vaultArn: vault, description: "" } };
    }
    return this.#release.get(id) === undefined ? null : { about: { archive: id }, footer: null };
  }
}

const vaultOf = (row: Readonly<Record<string, unknown>>): string | undefined =>
  arnOfRow(row as Record<"account_id" | "region" | "name", unknown>);
