import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { openOffline } from "./database.ts";

/** A root's key, read from a data folder. */
export interface RootKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface DataFolderPlace {
  readonly folder: string;
  /** The file of `--sealing-key`; null for the folder's own. */
  readonly sealingKeyFile: string | null;
  /** Null for the account that the folder belongs to. */
  readonly accountId: string | null;
}

/**
 * Reads the active keys of an account's root from the data folder of a stopped server, newest first, without changing anything in it.
 * docs/storage-format.md describes the files. Throws when the server runs, or when the sealing key is wrong.
 */
export function readRootKeys({ folder, sealingKeyFile, accountId }: DataFolderPlace): RootKey[] {
  using offline = openOffline(folder);
  const sealingKey = readFileSync(sealingKeyFile ?? join(folder, "secrets.key"));
  return rowsOf(offline.database, accountId).map((row) => unsealed(row, sealingKey));
}

interface SealedRow {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly sealed: Buffer;
  readonly dataKeyId: string;
  readonly wrapped: Buffer;
}

/** Returns the sealed keys. A sealed secret has a version byte, followed by the id of its data key. */
function rowsOf(database: DatabaseSync, accountId: string | null): SealedRow[] {
  const rows = database
    .prepare(
      `SELECT k.id, k.account_id, k.sealed_secret, d.id AS data_key_id, d.wrapped FROM access_keys k
       JOIN data_keys d ON d.id = lower(hex(substr(k.sealed_secret, 2, 8)))
       WHERE k.user_id IS NULL AND k.active = 1 AND substr(k.sealed_secret, 1, 1) = x'02'
         AND k.account_id = coalesce(?, (SELECT account_id FROM installation))
       ORDER BY k.created_at DESC`,
    )
    .all(accountId);
  return rows.map((row) => ({
    accountId: String(row["account_id"]),
    accessKeyId: String(row["id"]),
    sealed: Buffer.from(row["sealed_secret"] as Uint8Array),
    dataKeyId: String(row["data_key_id"]),
    wrapped: Buffer.from(row["wrapped"] as Uint8Array),
  }));
}

const sealedHeaderBytes = 9;

function unsealed({ accountId, accessKeyId, sealed, dataKeyId, wrapped }: SealedRow, sealingKey: Buffer): RootKey {
  const dataKey = openBox(sealingKey, `moraine-data-key/1/${dataKeyId}`, wrapped);
  const secret = openBox(dataKey, `2/${accountId}/${accessKeyId}`, sealed.subarray(sealedHeaderBytes));
  return { accountId, accessKeyId, secretAccessKey: secret.toString("utf8") };
}

/** Decrypts `nonce (12) | tag (16) | AES-256-GCM`, with `boundTo` as additional data. */
function openBox(key: Buffer, boundTo: string, box: Buffer): Buffer {
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(box.subarray(12, 28));
    return Buffer.concat([cipher.update(box.subarray(28)), cipher.final()]);
  } catch (error) {
    throw new Error(
      "Wrong sealing key: the database's secrets are sealed with another one; name its file with --sealing-key",
      {
        cause: error,
      },
    );
  }
}
