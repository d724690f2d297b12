import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, beforeEach, describe, test } from "node:test";
import { packHead } from "../../src/storage/metadata/tables/packed.ts";
import { openSocket, readAnswer } from "../http/raw-socket.ts";
import { signedText, textOf } from "../http/signed-text.ts";
import { refusedAsDamaged } from "../support/damaged-files.ts";
import {
  assertError,
  assertSameBytes,
  createVault,
  finishedJob,
  getOutput,
  initiateJob,
  mebibyte,
  randomContent,
  uploadInParts,
  vaultPath,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { sealRows } from "../support/row-secret.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// Rows of the database are lost or changed behind the service's back. No wrong byte may go out, and no short body look complete.

const damagedMetadata = /^The metadata that this request needs are damaged/;
const partCount = 5;
const bytes = randomContent((partCount - 1) * mebibyte + 77);

let folder: string;
let path: string;
let server: TestServer;
let database: DatabaseSync;
let archiveId: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-rows-"));
  path = join(folder, "moraine.db");
  const metadata = await openInlineStore(path);
  server = await startTestServer({ metadata });
  database = new DatabaseSync(path);
  await createVault(server, "vault");
});
after(async () => {
  database.close();
  await server.stop();
  await server.parts.metadata.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  archiveId = await uploadInParts(server, "vault", bytes, mebibyte);
});

const retrieval = (range?: string) => ({
  Type: "archive-retrieval",
  ArchiveId: archiveId,
  RetrievalByteRange: range,
});

function loseRow(part: number): void {
  const { changes } = database
    .prepare("DELETE FROM segments WHERE owner_head = ? AND first_byte = ?")
    .run(packHead(archiveId), part * mebibyte);
  assert.equal(changes, 1);
}

/** Makes the index put a part's row elsewhere than the row itself, as a flipped bit in it would. */
function moveInIndex(part: number, to: number): void {
  const index = "name = 'segments_by_place'";
  const { sql, rootpage } = database.prepare(`SELECT sql, rootpage FROM sqlite_schema WHERE ${index}`).get() ?? {};
  const move = (from: number, place: number) =>
    editSchema((connection) => {
      const update = "UPDATE segments SET first_byte = ? WHERE owner_head = ? AND first_byte = ?";
      assert.equal(connection.prepare(update).run(place, packHead(archiveId), from).changes, 1);
    });
  move(part * mebibyte, to);
  editSchema((connection) => connection.exec(`DELETE FROM sqlite_schema WHERE ${index}`));
  move(to, part * mebibyte);
  editSchema((connection) =>
    connection
      .prepare("INSERT INTO sqlite_schema VALUES ('index', 'segments_by_place', 'segments', ?, ?)")
      .run(Number(rootpage), String(sql)),
  );
}

/** Each connection keeps the schema that it has read, so this one is new, and the others must read it again. */
function editSchema(edit: (connection: DatabaseSync) => void): void {
  const connection = new DatabaseSync(path);
  connection.enableDefensive(false);
  connection.exec("PRAGMA writable_schema = ON");
  edit(connection);
  const version = Number(connection.prepare("PRAGMA schema_version").get()?.["schema_version"]);
  connection.exec(`PRAGMA schema_version = ${version + 1}`);
  connection.close();
}

describe("a part whose row is lost", () => {
  test("before the job: the job fails, and jobs over other ranges succeed", async () => {
    for (const [part, good, bad] of [
      [0, "1048576-2097151", "0-1048575"],
      [2, "0-2097151", "0-4194303"],
      [partCount - 1, "0-4194303", undefined],
    ] as const) {
      archiveId = await uploadInParts(server, "vault", bytes, mebibyte);
      loseRow(part);
      for (const range of [undefined, bad, `${part * mebibyte}-${bytes.length - 1}`]) {
        const failed = await waitForJob(
          server,
          "vault",
          await initiateJob(server, "vault", retrieval(range)),
          "Failed",
        );
        assert.equal(failed.StatusMessage, `The stored archive is damaged: ${archiveId}`);
      }
      const [first = 0, last = 0] = good.split("-").map(Number);
      const answer = await getOutput(server, "vault", await finishedJob(server, "vault", retrieval(good)));
      assertSameBytes(answer.body, bytes.subarray(first, last + 1));
    }
  });

  test("after the job: each range with one of its bytes is refused before its first byte, and others are right", async () => {
    for (const part of [0, 2, partCount - 1]) {
      archiveId = await uploadInParts(server, "vault", bytes, mebibyte);
      const jobId = await finishedJob(server, "vault", retrieval());
      loseRow(part);
      const start = part * mebibyte;
      const end = Math.min(start + mebibyte, bytes.length) - 1;
      for (const range of [
        undefined,
        "bytes=0-",
        `bytes=${start}-${start}`,
        `bytes=${end}-${end}`,
        `bytes=${start}-${end}`,
        `bytes=${Math.max(start - 1, 0)}-${end}`,
        `bytes=${Math.max(start - mebibyte, 0)}-${Math.min(end + mebibyte, bytes.length - 1)}`,
      ]) {
        assertError(await getOutput(server, "vault", jobId, range), refusedAsDamaged);
      }
      const others = [...Array(partCount).keys()].filter((other) => other !== part);
      for (const other of others) {
        const first = other * mebibyte;
        const last = Math.min(first + mebibyte, bytes.length) - 1;
        const answer = await getOutput(server, "vault", jobId, `bytes=${first}-${last}`);
        assert.equal(answer.status, 206);
        assertSameBytes(answer.body, bytes.subarray(first, last + 1));
      }
    }
  });

  test("the next response on the connection is a response of its own", async () => {
    const jobId = await finishedJob(server, "vault", retrieval());
    loseRow(2);
    const socket = await openSocket(server.port);
    const headers = { Range: `bytes=1-${4 * mebibyte - 1}` };
    const outputPath = `${vaultPath("vault")}/jobs/${jobId}/output`;
    socket.write(textOf(signedText(server, { method: "GET", path: outputPath, headers })));
    assert.equal((await readAnswer(socket)).status, 500);
    socket.write(textOf(signedText(server, { method: "GET", path: vaultPath("vault") })));
    assert.equal((await readAnswer(socket)).status, 200);
    socket.destroy();
  });
});

test("an index that puts a part elsewhere makes no byte come out at the wrong offset", async () => {
  const jobId = await finishedJob(server, "vault", retrieval());
  assert.equal((await getOutput(server, "vault", jobId)).status, 200);
  moveInIndex(2, 2 * mebibyte + 4096);
  assert.equal(database.prepare("PRAGMA quick_check").get()?.["quick_check"], "ok", "the start does not notice");
  for (const range of [undefined, "bytes=0-4194303", "bytes=2097152-3145727", "bytes=2101248-4194303"]) {
    assertError(await getOutput(server, "vault", jobId, range), { ...refusedAsDamaged, message: damagedMetadata });
  }
  const before = await getOutput(server, "vault", jobId, "bytes=0-2097151");
  assertSameBytes(before.body, bytes.subarray(0, 2 * mebibyte));
});

test("segments that do not have the archive's tree hash fail the job", async () => {
  const other = await uploadInParts(server, "vault", randomContent(bytes.length), mebibyte);
  database
    .prepare("UPDATE archives SET tree_hash = (SELECT tree_hash FROM archives WHERE id_head = ?) WHERE id_head = ?")
    .run(packHead(other), packHead(archiveId));
  sealRows(database);
  await waitForJob(server, "vault", await initiateJob(server, "vault", retrieval()), "Failed");
});

test("an inventory whose segment's row is lost or another's is refused", async () => {
  const [one, other] = await Promise.all(
    [1, 2].map(() => finishedJob(server, "vault", { Type: "inventory-retrieval" })),
  );
  const setKey = database.prepare(
    "UPDATE jobs SET output_key = (SELECT output_key FROM jobs WHERE id = ?) WHERE id = ?",
  );
  setKey.run(other ?? "", one ?? "");
  sealRows(database);
  assertError(await getOutput(server, "vault", one ?? ""), refusedAsDamaged);
  assert.equal((await getOutput(server, "vault", other ?? "")).status, 200);
  database.prepare("DELETE FROM segments WHERE owner_head = ?").run(packHead(other ?? ""));
  assertError(await getOutput(server, "vault", other ?? ""), refusedAsDamaged);
});

test("an inventory that is longer or shorter than its job says is refused", async () => {
  for (const by of [-1, 1]) {
    const jobId = await finishedJob(server, "vault", { Type: "inventory-retrieval" });
    database.prepare("UPDATE jobs SET output_size_bytes = output_size_bytes + ? WHERE id = ?").run(by, jobId);
    sealRows(database);
    assertError(await getOutput(server, "vault", jobId), refusedAsDamaged);
  }
});
