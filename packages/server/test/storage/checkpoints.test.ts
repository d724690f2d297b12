import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import { Checkpoints } from "../../src/storage/metadata/sqlite/log/checkpoints.ts";
import { type Connection, openReading, openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { rowChecking, testSecret } from "../support/row-secret.ts";

const frameSizeBytes = 4096 + 24;
const limits = { framesMax: 10, overdueFrames: 40, fullFramesMax: 1000 };

test("the log is moved into the database, and started over, when it has its length", async () => {
  await withDatabase(async (connection, path) => {
    const checkpoints = new Checkpoints(connection, limits);
    for (let change = 0; change < 200; change += 1) {
      write(connection, 1);
      checkpoints.runIfDue();
    }
    assert.ok(framesOf(connection) <= 2 * limits.framesMax);
    assert.ok((await stat(`${path}-wal`)).size <= 40 * frameSizeBytes);
  });
});

test("a reader delays the end of a log, and the log ends with the reader", async () => {
  await withDatabase(async (connection, path) => {
    const checkpoints = new Checkpoints(connection, limits);
    const reading = openReading(path, rowChecking);
    reading.database.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    for (let change = 0; change < 100; change += 1) {
      write(connection, 1);
      checkpoints.runIfDue();
    }
    assert.ok(framesOf(connection) >= 100);
    reading.database.exec("COMMIT");
    for (let change = 0; change < 100; change += 1) {
      write(connection, 1);
      checkpoints.runIfDue();
    }
    assert.ok(framesOf(connection) <= 2 * limits.framesMax);
    reading.database.close();
  });
});

test("a log that a large change made long is cut to 16 MiB when it starts over", async () => {
  await withDatabase(async (connection, path) => {
    const checkpoints = new Checkpoints(connection);
    write(connection, 6000);
    assert.ok((await stat(`${path}-wal`)).size > 6000 * frameSizeBytes);
    checkpoints.runIfDue();
    write(connection, 1);
    assert.ok((await stat(`${path}-wal`)).size <= 16 * 1024 ** 2);
  });
});

test("a log that never lacks a reader is started over once it is overdue", async () => {
  await withDatabase(async (connection, path) => {
    const checkpoints = new Checkpoints(connection, limits);
    const readers = new Worker(readersInTurn, { eval: true, workerData: path });
    await once(readers, "message");
    let longest = 0;
    for (let change = 0; change < 1500; change += 1) {
      write(connection, 1);
      checkpoints.runIfDue();
      longest = Math.max(longest, framesOf(connection));
    }
    await readers.terminate();
    assert.ok(longest <= 750, `the log grew to ${longest} frames`);
  });
});

/** Two readers, of which the next one always begins before the other ends. */
const readersInTurn = `
  const { DatabaseSync } = require("node:sqlite");
  const { parentPort, workerData } = require("node:worker_threads");
  const readers = [0, 1].map(() => new DatabaseSync(workerData, { readOnly: true }));
  const begin = (reader) => reader.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
  let turn = 0;
  begin(readers[0]);
  parentPort.postMessage("reading");
  setInterval(() => {
    begin(readers[1 - turn]);
    readers[turn].exec("COMMIT");
    turn = 1 - turn;
  }, 2);
`;

/** A change of this many pages at least. */
function write({ database }: Connection, pages: number): void {
  const statement = database.prepare("INSERT INTO filler (content) VALUES (zeroblob(4000))");
  database.exec("BEGIN IMMEDIATE");
  for (let page = 0; page < pages; page += 1) {
    statement.run();
  }
  database.exec("COMMIT");
}

const framesOf = ({ database }: Connection): number =>
  Number(database.prepare("PRAGMA wal_checkpoint(NOOP)").get()?.["log"]);

async function withDatabase(body: (connection: Connection, path: string) => Promise<void>): Promise<void> {
  await inFolder(async (path) => {
    const connection = openWriting(path, true);
    await migrate(connection, { mayCreate: true, secret: testSecret });
    connection.database.exec("CREATE TABLE filler (content BLOB); PRAGMA wal_checkpoint(TRUNCATE)");
    await body(connection, path);
    connection.database.close();
  });
}

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "checkpoints-test-"));
  try {
    await body(join(folder, "metadata.db"));
  } finally {
    await rm(folder, { recursive: true });
  }
}
