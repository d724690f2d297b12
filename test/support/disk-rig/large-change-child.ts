import { openSqliteStore } from "../../../packages/server/src/storage/metadata/sqlite/sqlite-store.ts";
import { rowSecret } from "../../../packages/server/test/support/row-secret.ts";

// Makes a change of many rows, for which SQLite keeps what it may have to undo: more than it keeps in memory by default.

const [, , path = ""] = process.argv.slice(2);
const rows = 2000;

const store = await openSqliteStore({
  rowSecret,
  path,
  mayCreate: true,
  onFailure: (error) => {
    throw error;
  },
});
const keys = Array.from({ length: rows }, (_, index) => `ab/cd/${String(index).padStart(140, "0")}.nonce`);
await Promise.all(keys.map((key) => store.recordIntent({ key, ownerId: "a".repeat(138), leaseUntil: 0 })));
const condemned = await store.markDead({ now: 1, deletedBefore: 0, completedSince: 0, limit: rows });
await store.close();
process.stdout.write(`condemned ${condemned}\n`);
