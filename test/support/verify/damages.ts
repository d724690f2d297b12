import assert from "node:assert/strict";
import { appendFile, chmod, cp, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import type { Level } from "../../../packages/server/src/verify/verification.ts";
import { flipBit } from "../../../packages/server/test/support/flip-bit.ts";
import { arn, ids } from "./filled-folder.ts";
import { fileOf } from "./look.ts";

const mebibyte = 1024 ** 2;

export interface Damage {
  readonly what: string;
  readonly damage: (path: string) => Promise<unknown> | unknown;
  /** The code of each finding and the things that it names. */
  readonly named: () => ReadonlyArray<Partial<Finding>>;
  /** The first level that finds it. @default quick */
  readonly level?: Level;
}

async function inFile(file: string, change: (file: string) => Promise<unknown>): Promise<void> {
  await chmod(file, 0o600);
  await change(file);
  await chmod(file, 0o400);
}

const sql =
  (...statements: readonly string[]) =>
  (path: string) => {
    const database = new DatabaseSync(join(path, "moraine.db"));
    // As one that the server has closed: without a log.
    database.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
    for (const statement of statements) {
      assert.equal(database.prepare(statement).run().changes, 1, statement);
    }
    database.close();
  };

const photos = (): string => arn("photos");
const ofSingle = "(SELECT id_head FROM archives WHERE description = 'single')";
const ofParts = "(SELECT id_head FROM archives WHERE description = 'in parts')";

export const damages: readonly Damage[] = [
  {
    what: "a column has another name",
    damage: async (path) => {
      const file = join(path, "moraine.db");
      const caseBit = 5;
      await flipBit(file, (await readFile(file)).indexOf("inventory_limit"), caseBit);
    },
    named: () => [{ code: "database-damaged" }],
  },
  {
    what: "a segment's file is missing",
    damage: async (path) => rm(await fileOf(path, ids.single)),
    named: () => [{ code: "segment-missing", archive: ids.single, vault: photos() }],
  },
  {
    what: "a deleted segment's file is missing, which a job may still offer",
    damage: async (path) => rm(await fileOf(path, ids.deleted)),
    named: () => [{ code: "segment-missing", archive: ids.deleted }],
  },
  {
    what: "a segment's file is cut short within its bytes",
    damage: async (path) => inFile(await fileOf(path, ids.single), (file) => truncate(file, mebibyte)),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
  },
  {
    what: "a segment's file is one byte longer",
    damage: async (path) => inFile(await fileOf(path, ids.single), (file) => appendFile(file, "x")),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
  },
  {
    what: "the frame of a footer is damaged",
    damage: async (path) => inFile(await fileOf(path, ids.single), (file) => flipBit(file, 2 * mebibyte + 5)),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
  },
  {
    what: "a bit of a footer's descriptor is flipped",
    damage: async (path) => inFile(await fileOf(path, ids.single), (file) => flipBit(file, 2 * mebibyte + 40)),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
  },
  {
    what: "a bit of an archive is flipped",
    damage: async (path) => inFile(await fileOf(path, ids.single), (file) => flipBit(file, mebibyte + 7)),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
    level: "deep",
  },
  {
    what: "a bit of an inventory is flipped",
    damage: async (path) => inFile(await fileOf(path, ids.job), (file) => flipBit(file, 10)),
    named: () => [{ code: "segment-file", job: ids.job, vault: photos() }],
    level: "deep",
  },
  {
    what: "two parts have changed places",
    damage: async (path) => {
      const files = [];
      for (const index of [0, 1, 2, 3]) {
        const file = await fileOf(path, ids.parts, index);
        if ((await stat(file)).size > mebibyte) {
          files.push(file);
        }
      }
      const [one = "", other = ""] = files;
      await rename(one, `${one}.kept`);
      await rename(other, one);
      await rename(`${one}.kept`, other);
    },
    named: () => [
      { code: "segment-file", archive: ids.parts, vault: photos() },
      { code: "segment-file", archive: ids.parts, vault: photos() },
    ],
  },
  {
    what: "an archive's description was changed",
    damage: sql("UPDATE archives SET description = 'another' WHERE description = 'single'"),
    named: () => [{ code: "segment-file", archive: ids.single, vault: photos() }],
  },
  {
    what: "there is a segment that the database does not know",
    damage: async (path) => {
      const file = await fileOf(path, ids.single);
      await cp(file, file.replace(/.{16}$/, "AAAAAAAAAAAAAAAA"));
    },
    named: () => [{ code: "file-unknown", archive: ids.single }],
  },
  {
    what: "there is a file that is no segment",
    damage: async (path) => writeFile(join(path, "blobs", "notes.txt"), "notes"),
    named: () => [{ code: "file-unknown", file: "blobs/notes.txt" }],
  },
  {
    what: "the row of a part is missing",
    damage: sql(`DELETE FROM segments WHERE owner_head = ${ofParts} AND first_byte = ${mebibyte}`),
    named: () => [{ code: "archive-coverage", archive: ids.parts, vault: photos() }, { code: "file-unknown" }],
  },
  {
    what: "the last part is held to be longer",
    damage: sql(`UPDATE segments SET size_bytes = 8 WHERE owner_head = ${ofParts} AND size_bytes = 7`),
    named: () => [
      { code: "archive-coverage", archive: ids.parts, vault: photos() },
      { code: "segment-file", archive: ids.parts, vault: photos() },
    ],
  },
  {
    what: "a segment of a living archive counts as deleted",
    damage: sql(`UPDATE segments SET state = 'deleted', deleted_at = 1 WHERE owner_head = ${ofSingle}`),
    named: () => [{ code: "archive-coverage", archive: ids.single, vault: photos() }],
  },
  {
    what: "a segment counts as dead",
    damage: sql(`UPDATE segments SET state = 'dead' WHERE owner_head = ${ofSingle}`),
    named: () => [{ code: "archive-coverage", archive: ids.single, vault: photos() }],
  },
  {
    what: "a segment that nobody refers to is live",
    damage: sql(
      "UPDATE segments SET state = 'live', deleted_at = NULL WHERE state = 'deleted' AND first_byte IS NOT NULL",
    ),
    named: () => [{ code: "segment-state", archive: ids.deleted }],
  },
  {
    what: "a live segment has the time of its deletion",
    damage: sql(`UPDATE segments SET deleted_at = 5 WHERE owner_head = ${ofSingle}`),
    named: () => [{ code: "row-damaged", archive: ids.single, vault: photos() }],
  },
  {
    what: "a segment is suspect",
    damage: sql(`UPDATE segments SET state = 'suspect' WHERE owner_head = ${ofSingle}`),
    named: () => [{ code: "segment-suspect", archive: ids.single, vault: photos() }],
  },
  {
    what: "an archive's tree hash is another",
    damage: sql(`UPDATE archives SET tree_hash = zeroblob(32) WHERE id_head = ${ofParts}`),
    named: () => [{ code: "archive-tree-hash", archive: ids.parts, vault: photos() }],
  },
  {
    what: "an archive counts as deleted",
    damage: sql(`UPDATE archives SET deleted_at = 5, deleted_revision = 1 WHERE id_head = ${ofSingle}`),
    named: () => [
      { code: "vault-counters", vault: photos() },
      { code: "segment-state", archive: ids.single },
    ],
  },
  {
    what: "an archive is half deleted",
    damage: sql(`UPDATE archives SET deleted_at = 5 WHERE id_head = ${ofSingle}`),
    named: () => [
      { code: "row-damaged", archive: ids.single, vault: photos() },
      { code: "segment-state", archive: ids.single },
    ],
  },
  {
    what: "the row of an archive is missing",
    damage: sql(`DELETE FROM archives WHERE description = 'other'`),
    named: () => [
      { code: "vault-counters", vault: arn("other") },
      { code: "segment-state", archive: ids.other },
    ],
  },
  {
    what: "the archive of a completed upload is missing",
    damage: sql(`DELETE FROM archives WHERE id_head = ${ofParts}`),
    named: () => [
      { code: "vault-counters", vault: photos() },
      { code: "archive-lost", archive: ids.parts, vault: photos() },
      // Three parts and the manifest.
      ...[1, 2, 3, 4].map(() => ({ code: "segment-state" as const, archive: ids.parts })),
    ],
  },
  {
    what: "a vault counts one archive less",
    damage: sql("UPDATE vaults SET archive_count = archive_count - 1 WHERE name = 'photos'"),
    named: () => [{ code: "vault-counters", vault: photos() }],
  },
  {
    what: "a vault counts one byte less",
    damage: sql("UPDATE vaults SET archive_bytes = archive_bytes - 1 WHERE name = 'photos'"),
    named: () => [{ code: "vault-counters", vault: photos() }],
  },
  {
    what: "a vault's row is missing",
    damage: sql("DELETE FROM vaults WHERE name = 'other'"),
    named: () => [{ code: "archive-vault", archive: ids.other }],
  },
  {
    what: "a part of an open upload does not fit",
    damage: sql("UPDATE uploads SET part_size_bytes = 4096 WHERE state = 'open'"),
    named: () => [{ code: "upload-parts", upload: ids.upload, vault: photos() }],
  },
  {
    what: "the document of an inventory is another",
    damage: sql("UPDATE jobs SET output_size_bytes = 1"),
    named: () => [{ code: "job-output", job: ids.job }],
  },
  {
    what: "a job that has succeeded has no time of its end",
    damage: sql("UPDATE jobs SET completed_at = NULL"),
    named: () => [{ code: "job-state", job: ids.job }],
  },
  {
    what: "jobs in progress are miscounted",
    damage: sql("UPDATE jobs_in_progress SET count = 3"),
    named: () => [{ code: "job-counts" }],
  },
  {
    what: "a lock was removed",
    damage: sql(
      `UPDATE vaults SET lock_state = NULL, lock_policy = NULL, lock_id = NULL, lock_created_at = NULL WHERE name = 'locked'`,
    ),
    named: () => [{ code: "lock-lost" }],
  },
  {
    what: "a lock was made by hand",
    damage: sql(
      `UPDATE vaults SET lock_state = 'locked', lock_policy = '{}', lock_id = 'x', lock_created_at = 5 WHERE name = 'other'`,
    ),
    named: () => [{ code: "lock-unrecorded", vault: arn("other") }],
  },
  {
    what: "an entry of the audit trail was changed",
    damage: sql("UPDATE audit_entries SET principal = 'user/eve' WHERE operation = 'DeleteArchive'"),
    named: () => [{ code: "audit-chain" }],
  },
  {
    what: "the trusted time is missing",
    damage: sql("DELETE FROM trusted_time"),
    named: () => [{ code: "trusted-time" }],
  },
  {
    what: "the trusted time was set back",
    damage: sql("UPDATE trusted_time SET high_water = 5"),
    named: () => [{ code: "trusted-time" }],
  },
  {
    what: "the row of the installation is missing",
    damage: sql("DELETE FROM installation"),
    named: () => [{ code: "database-damaged" }],
  },
  {
    what: "one of the scrub's ranges is missing",
    damage: sql("DELETE FROM scrub_ranges WHERE first_byte = 20"),
    named: () => [{ code: "database-damaged" }],
  },
  {
    what: "the row of the scrub is missing",
    damage: sql("DELETE FROM scrub"),
    named: () => [{ code: "database-damaged" }],
  },
  {
    what: "a row of the scrub's queue names no segment",
    damage: sql("UPDATE scrub_queue SET name = 'x' WHERE sequence = 1"),
    named: () => [{ code: "database-damaged" }],
  },
  {
    what: "secrets.key is another",
    damage: (path) => flipBit(join(path, "secrets.key"), 3),
    named: () => [{ code: "secrets", file: "secrets.key" }],
  },
  {
    what: "a secret was moved to another key",
    damage: sql("UPDATE access_keys SET id = 'AKIAANOTHER'"),
    named: () => [{ code: "secrets" }],
  },
  {
    what: "history.json is missing",
    damage: (path) => rm(join(path, "history.json")),
    named: () => [{ code: "history-broken", file: "history.json" }],
  },
  {
    what: "history.json is cut short",
    damage: (path) => truncate(join(path, "history.json"), 10),
    named: () => [{ code: "history-broken", file: "history.json" }],
  },
  {
    what: "the database is an earlier copy",
    damage: sql("UPDATE history SET generation = 0"),
    named: () => [{ code: "history-broken", file: "history.json" }],
  },
];
