import type { DatabaseSync } from "node:sqlite";
import type { RowSecret } from "../../src/domain/stores/identity-store.ts";
import { sealAllRows } from "../../src/storage/metadata/migrations/0015-row-macs.ts";
import { RowHasher } from "../../src/storage/metadata/tables/row-macs/row-hasher.ts";

/** One key for all databases of tests that have no sealing key. */
export const testSecret: RowSecret = { key: Buffer.alloc(32, "key of the tests' rows"), newDataKey: null };

export const rowSecret = async (): Promise<RowSecret> => testSecret;

/** Seals all rows of a database as they are, after a test has written some. */
export function sealRows(database: DatabaseSync, secret: RowSecret = testSecret): void {
  database.exec("BEGIN IMMEDIATE");
  sealAllRows(database, new RowHasher(secret.key));
  database.exec("COMMIT");
}

export const rowChecking = { key: testSecret.key, onDamagedRow: (): void => undefined };
