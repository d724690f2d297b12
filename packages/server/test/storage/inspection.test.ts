import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { inspectDatabase } from "../../src/storage/metadata/sqlite/inspection.ts";

const logHeaderBytes = 32;
const indexBytes = 32_768;

test("a database whose log has a header alone is read, also next to the index of a process that was killed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-inspection-"));
  try {
    const path = join(folder, "moraine.db");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE kysely_migration (name TEXT)");
    const header = (await readFile(`${path}-wal`)).subarray(0, logHeaderBytes);
    database.close();
    await writeFile(`${path}-wal`, header);
    await writeFile(`${path}-shm`, Buffer.alloc(indexBytes));
    const inspection = inspectDatabase(path, "whole");
    assert.equal(inspection.state, "readable");
    inspection.close();
    assert.deepEqual(await readFile(`${path}-shm`), Buffer.alloc(indexBytes));
  } finally {
    await rm(folder, { recursive: true });
  }
});
