import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { invariant } from "../../../domain/invariant.ts";
import type { RowSecret } from "../../../domain/stores/identity-store.ts";
import type { DamagedRow } from "../../../domain/stores/metadata-store.ts";
import type { Connection } from "../sqlite/sqlite-connection.ts";
import { hashRequest, packHead, packKey, packTail } from "../tables/packed.ts";
import { useRowKey } from "../tables/row-macs/row-seal.ts";
import { up as initial } from "./0001-initial.ts";
import { up as settings } from "./0002-settings.ts";
import { up as identities } from "./0003-identities.ts";
import { up as notifications } from "./0004-notifications.ts";
import { up as trustedTime } from "./0005-trusted-time.ts";
import { up as history } from "./0006-history.ts";
import { up as packedIds } from "./0007-packed-ids.ts";
import { up as installation } from "./0008-installation.ts";
import { up as boundedRemoval } from "./0009-bounded-removal.ts";
import { up as damage } from "./0010-damage.ts";
import { up as permissions } from "./0011-permissions.ts";
import { up as jobTurns } from "./0012-job-turns.ts";
import { up as audit } from "./0013-audit.ts";
import { up as notificationTurns } from "./0014-notification-turns.ts";
import { up as rowMacs } from "./0015-row-macs.ts";
import { up as scrub } from "./0017-scrub.ts";
import { backUp, type FileSystemFigures } from "./backup.ts";

/** In order. What was released is never changed, only followed by another. */
const migrations: Readonly<Record<string, Migration>> = {
  "0001-initial": { up: initial },
  "0002-settings": { up: settings },
  "0003-identities": { up: identities },
  "0004-notifications": { up: notifications },
  "0005-trusted-time": { up: trustedTime },
  "0006-history": { up: history },
  "0007-packed-ids": { up: packedIds },
  "0008-installation": { up: installation },
  "0009-bounded-removal": { up: boundedRemoval },
  "0010-damage": { up: damage },
  "0011-permissions": { up: permissions },
  "0012-job-turns": { up: jobTurns },
  "0013-audit": { up: audit },
  "0014-notification-turns": { up: notificationTurns },
  "0017-scrub": { up: scrub },
};
const sealing = "0015-row-macs";
/** In the order in which they are applied. */
export const migrationNames: readonly string[] = [...Object.keys(migrations), sealing].sort();

/** Functions of one text that migrations call in SQL, so that tables of any size are converted without being read into memory. */
const functions: Readonly<Record<string, (text: string) => Uint8Array>> = {
  pack_head: packHead,
  pack_tail: packTail,
  pack_key: packKey,
  hash_request: hashRequest,
};

export interface MigrateOptions {
  readonly mayCreate: boolean;
  /** Rows are sealed with it, those of an older schema by the migration, and checked from then on. */
  readonly secret: RowSecret;
  readonly onDamagedRow?: (row: DamagedRow) => void;
  readonly statfs?: FileSystemFigures;
}

const lastWithoutKey = "0014-notification-turns";

const migrationTable = "kysely_migration";

/**
 * Brings the schema to the newest version, in one transaction; a database that holds data is backed up before. Refuses a schema that is newer than this program, and a
 * database that is not the service's.
 */
export async function migrate(connection: Connection, options: MigrateOptions): Promise<void> {
  const { mayCreate, secret, onDamagedRow, statfs } = options;
  useRowKey(connection.db, secret.key, onDamagedRow);
  const applied = appliedMigrations(connection, mayCreate);
  const unknown = applied.filter((name) => !migrationNames.includes(name));
  if (unknown.length > 0) {
    throw new Error(`The database has the newer schema ${unknown.join(", ")}: a newer version of the program wrote it`);
  }
  const [next] = migrationNames.slice(applied.length);
  if (next === undefined) {
    return;
  }
  if (applied.length > 0 && holdsData(connection)) {
    backUp(connection, next, statfs);
  }
  await migrateTo(connection, null, secret);
}

/**
 * Makes the tables of an empty database, as far as they need no key. So the database exists before the key: a kill between the two
 * leaves no key without a database, which a start would take for a loss.
 */
export async function createTables(connection: Connection, mayCreate: boolean): Promise<void> {
  if (appliedMigrations(connection, mayCreate).length === 0) {
    await migrateTo(connection, lastWithoutKey, null);
  }
}

/** In one transaction. @param target null is the newest, which needs the secret. */
async function migrateTo({ database, db }: Connection, target: string | null, secret: RowSecret | null): Promise<void> {
  const all = {
    ...migrations,
    [sealing]: {
      async up(ofTransaction: Kysely<unknown>) {
        invariant(secret !== null, "rows are sealed with a key");
        await rowMacs(ofTransaction, database, secret);
      },
    },
  };
  for (const [name, convert] of Object.entries(functions)) {
    database.function(name, { deterministic: true }, (text) => convert(String(text)));
  }
  database.exec("BEGIN IMMEDIATE");
  try {
    const migrator = new Migrator({ db, provider: { getMigrations: async () => all } });
    const { error } = await (target === null ? migrator.migrateToLatest() : migrator.migrateTo(target));
    if (error !== undefined) {
      throw error;
    }
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) {
      database.exec("ROLLBACK");
    }
    throw error;
  }
}

/** Every account has a row, and every vault. */
function holdsData({ database }: Connection): boolean {
  const count = "SELECT (SELECT count(*) FROM accounts) + (SELECT count(*) FROM vaults) AS count";
  return Number(database.prepare(count).get()?.["count"]) > 0;
}

function appliedMigrations({ database }: Connection, mayCreate: boolean): string[] {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0 && mayCreate) {
    return [];
  }
  if (!tables.some(({ name }) => name === migrationTable)) {
    throw new Error("The database has no schema of this service");
  }
  const rows = database.prepare(`SELECT name FROM ${migrationTable} ORDER BY name`).all();
  return rows.map(({ name }) => String(name));
}
