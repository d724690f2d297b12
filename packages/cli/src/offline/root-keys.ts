import { createDecipheriv } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";

/** A root's key as it is read from a data folder. */
export interface RootKey {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface DataFolderPlace {
  readonly folder: string;
  /** The file of `--sealing-key`; null is the folder's own. */
  readonly sealingKeyFile: string | null;
  /** Null is the account that the folder belongs to. */
  readonly accountId: string | null;
}

const lockWaitMilliseconds = 500;
const sqliteBusy = 5;

/**
 * Reads the active keys of an account's root from the data folder of a server that is down, newest first, and changes
 * nothing in it. docs/storage-format.md describes the files. Throws when the server runs, or when the sealing key is another.
 */
export function readRootKeys({ folder, sealingKeyFile, accountId }: DataFolderPlace): RootKey[] {
  const path = join(folder, "moraine.db");
  if (!existsSync(path)) {
    throw new Error(`${folder} is not a data folder: it has no moraine.db`);
  }
  const sealingKey = readFileSync(sealingKeyFile ?? join(folder, "secrets.key"));
  const lock = takeLock(folder);
  try {
    const database = openUnchanged(path);
    try {
      return rowsOf(database, accountId).map((row) => unsealed(row, sealingKey));
    } finally {
      database.close();
    }
  } finally {
    lock?.close();
  }
}

/** The server's own lock: whoever has it is alone with the database. */
function takeLock(folder: string): DatabaseSync | null {
  const path = join(folder, "lock.db");
  if (!existsSync(path)) {
    return null; // Of a backup, for one.
  }
  const lock = new DatabaseSync(path, { timeout: lockWaitMilliseconds });
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    const { errcode = 0 } = error as { errcode?: number };
    throw (errcode & 0xff) === sqliteBusy
      ? new Error(
          `The server of ${folder} is running: stop it first, or ask it for another key: moraine admin keys create`,
        )
      : error;
  }
}

/** Without a log there is nothing that SQLite would have to write; with one, it is asked to leave its index alone. */
function openUnchanged(path: string): DatabaseSync {
  const url = pathToFileURL(path);
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    url.searchParams.set("immutable", "1");
  } else if (existsSync(`${path}-shm`)) {
    url.searchParams.set("readonly_shm", "1");
  }
  return new DatabaseSync(url, { readOnly: true });
}

interface SealedRow {
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly sealed: Buffer;
  readonly dataKeyId: string;
  readonly wrapped: Buffer;
}

/** A sealed secret names its data key after its version, a byte. */
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

/** `nonce (12) | tag (16) | AES-256-GCM`, bound to a text. */
function openBox(key: Buffer, boundTo: string, box: Buffer): Buffer {
  try {
    const cipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(box.subarray(12, 28));
    return Buffer.concat([cipher.update(box.subarray(28)), cipher.final()]);
  } catch (error) {
    throw new Error(
      "The sealing key is not the one that the database's secrets are sealed with: give it as --sealing-key",
      {
        cause: error,
      },
    );
  }
}
