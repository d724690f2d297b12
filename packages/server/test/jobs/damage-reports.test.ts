import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { ArchiveId, DamageDescription } from "@moraine/protocol";
import type { BlobReader } from "../../src/domain/stores/blob-store.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { demand } from "../support/admin.ts";
import { flipBit } from "../support/flip-bit.ts";
import {
  assertSameBytes,
  createVault,
  deleteArchive,
  finishedJob,
  getOutput,
  initiateJob,
  mebibyte,
  randomContent,
  uploadArchive,
  uploadInParts,
  waitForJob,
} from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

// Tests how an operator learns of damage, and how a damaged place counts as sound again.

/** A disk that fails to read, for as long as it is said to. */
class FailingStore extends FilesystemBlobStore {
  failure: Error | null = null;

  override async open(key: string): Promise<BlobReader> {
    const reader = await super.open(key);
    return {
      sizeBytes: reader.sizeBytes,
      read: (into, position) => (this.failure === null ? reader.read(into, position) : Promise.reject(this.failure)),
      close: () => reader.close(),
    };
  }
}

const bytes = randomContent(3 * mebibyte + 100);
const eio = () => Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });

let folder: string;
let blobs: FailingStore;
let server: TestServer;
let archiveId: string;
let file: string;
let jobId: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-reports-"));
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  const data = await mkdtemp(join(folder, "data-"));
  blobs = new FailingStore(data);
  await blobs.prepare();
  server = await startTestServer({ blobs, metadata: await openInlineStore(":memory:") });
  await createVault(server, "vault");
  archiveId = await uploadArchive(server, "vault", bytes, "holiday");
  file = await fileOf(archiveId, data);
  jobId = await finishedJob(server, "vault", retrieval(archiveId));
});

afterEach(() => server.stop());

async function fileOf(id: string, data: string): Promise<string> {
  const range = { firstByte: 0, lastByte: 0 };
  const [segment] = await server.parts.metadata.segmentsOf({ archiveId: id as ArchiveId, range, limit: 1 });
  return join(data, "blobs", segment?.key ?? "");
}

const retrieval = (ArchiveId: string) => ({ Type: "archive-retrieval", ArchiveId });

async function listed(members: Record<string, string> = {}): Promise<readonly DamageDescription[]> {
  const answer = await demand<{ DamagedArchives: DamageDescription[] }>(server, "ListDamagedArchives", { members });
  return answer.DamagedArchives;
}

const ranges = async () => (await listed()).map(({ ByteRange }) => ByteRange);
const warnings = async () => (await demand<{ Warnings: string[] }>(server, "GetHealth")).Warnings;
const statusOf = async (range?: string) => (await getOutput(server, "vault", jobId, range)).status;

/** In the place of the damaged file, as a restored backup would be. */
async function restore(content: Buffer): Promise<void> {
  await writeFile(`${file}.restored`, content);
  await rename(`${file}.restored`, file);
}

describe("damage that a read meets", () => {
  test("is reported once for each place, not once for each reader", async () => {
    await flipBit(file, 2 * mebibyte + 1);
    await Promise.all(Array.from({ length: 8 }, () => statusOf("bytes=2097152-2097160")));
    await flipBit(file, 5);
    await Promise.all(Array.from({ length: 4 }, () => statusOf("bytes=0-9")));
    assert.deepEqual(
      server.damaged.map(({ range }) => range.firstByte),
      [2 * mebibyte, 0],
    );
  });

  test("is listed with what an operator has to know of it", async () => {
    await flipBit(file, mebibyte);
    await statusOf("bytes=1048576-1048577");
    const [first, ...others] = await listed();
    assert.deepEqual(others, []);
    assert.match(first?.Segment ?? "", new RegExp(`^[0-9a-f]{2}/[0-9a-f]{2}/${archiveId}\\.`));
    assert.ok(file.endsWith(first?.Segment ?? "-"));
    assert.deepEqual(
      { ...first, Segment: "" },
      {
        Kind: "Archive",
        AccountId: "012345678901",
        VaultARN: "arn:aws:glacier:us-east-1:012345678901:vaults/vault",
        ArchiveId: archiveId,
        JobId: null,
        ArchiveDescription: "holiday",
        SizeInBytes: bytes.length,
        ByteRange: "1048576-2097151",
        Segment: "",
        Reason: "the MiB at byte 1048576 does not match its hash",
        FoundDate: new Date(server.clock.now()).toISOString(),
      },
    );
  });

  test("is warned of without a word about whose it is", async () => {
    assert.deepEqual(await warnings(), []);
    await flipBit(file, 5);
    await statusOf();
    const warning = "Stored data is damaged and not served: bytes of 1 archive. List them with: moraine admin damaged";
    assert.deepEqual(await warnings(), [warning]);
    const page = await server.client.send({ method: "GET", path: "/health/ready", key: null, headers: {} });
    assert.deepEqual(page.json(), { status: "ready" });
  });

  test("is a job's as well, and of a file that is missing it is all bytes", async () => {
    await unlink(file);
    const job = await waitForJob(server, "vault", await initiateJob(server, "vault", retrieval(archiveId)), "Failed");
    assert.equal(job.StatusMessage, `The stored archive is damaged: ${archiveId}`);
    const [found] = await listed();
    assert.equal(found?.ByteRange, `0-${bytes.length - 1}`);
    assert.equal(found?.Reason, "its file is missing");
  });

  test("is listed for an inventory by its job", async () => {
    const inventory = await finishedJob(server, "vault", { Type: "inventory-retrieval" });
    const { metadata } = server.parts;
    const vault = await metadata.findVault({
      accountId: "012345678901" as never,
      region: "us-east-1",
      vaultName: "vault",
    });
    const job = await metadata.findJob({ vaultId: vault?.id ?? "", jobId: inventory, completedSince: 0 });
    assert.ok(job?.action === "InventoryRetrieval" && job.output !== null);
    await flipBit(join(file, "../../..", job.output.segmentKey), 3);
    assert.equal((await getOutput(server, "vault", inventory)).status, 500);
    const [found] = await listed();
    assert.deepEqual([found?.Kind, found?.JobId, found?.ArchiveId], ["Inventory", inventory, null]);
    assert.match((await warnings())[0] ?? "", /bytes of 1 inventory\./);
  });

  test("is listed in pages, each place once", async () => {
    const parts = await uploadInParts(server, "vault", randomContent(3 * mebibyte), mebibyte);
    const range = { firstByte: 0, lastByte: 3 * mebibyte };
    const segments = await server.parts.metadata.segmentsOf({ archiveId: parts as ArchiveId, range, limit: 9 });
    jobId = await finishedJob(server, "vault", retrieval(parts));
    for (const { key, firstByte } of segments) {
      await flipBit(join(file, "../../..", key), 7);
      await statusOf(`bytes=${firstByte}-${firstByte}`);
    }
    const seen: string[] = [];
    for (let marker: string | null = ""; marker !== null; ) {
      const page: { DamagedArchives: DamageDescription[]; Marker: string | null } = await demand(
        server,
        "ListDamagedArchives",
        { members: { limit: "2", ...(marker !== "" && { marker }) } },
      );
      seen.push(...page.DamagedArchives.map(({ ByteRange }) => ByteRange));
      marker = page.Marker;
    }
    assert.deepEqual(seen, ["0-1048575", "1048576-2097151", "2097152-3145727"]);
  });

  test("is listed no more once its archive is deleted", async () => {
    await flipBit(file, 5);
    await statusOf();
    await deleteArchive(server, "vault", archiveId);
    assert.deepEqual(await listed(), []);
  });
});

describe("a damaged place counts as sound again", () => {
  test("when it has been restored, and the next range that has it is read", async () => {
    const whole = await readFile(file);
    await flipBit(file, 2 * mebibyte + 1);
    assert.equal(await statusOf("bytes=2097152-"), 500);
    await restore(whole);
    const answer = await getOutput(server, "vault", jobId);
    assertSameBytes(answer.body, bytes);
    assert.deepEqual(await listed(), []);
    assert.deepEqual(await warnings(), []);
  });

  test("when it has been restored, and a job has compared all of it", async () => {
    const whole = await readFile(file);
    await unlink(file);
    assert.equal(await statusOf(), 500);
    await restore(whole);
    await finishedJob(server, "vault", retrieval(archiveId));
    assert.deepEqual(await listed(), []);
  });

  test("alone: another place of the same file stays damaged", async () => {
    await flipBit(file, 1);
    await flipBit(file, 2 * mebibyte + 1);
    assert.equal(await statusOf("bytes=0-9"), 500);
    assert.equal(await statusOf("bytes=2097152-2097160"), 500);
    await flipBit(file, 1);
    assert.equal(await statusOf("bytes=0-9"), 206);
    assert.deepEqual(await ranges(), ["2097152-3145727"]);
    assert.equal(await statusOf("bytes=2097152-2097160"), 500);
  });

  test("when the medium failed only for a while", async () => {
    blobs.failure = eio();
    assert.equal(await statusOf("bytes=1048576-1048577"), 500);
    const [found] = await listed();
    assert.match(found?.Reason ?? "", /cannot be read/);
    blobs.failure = null;
    assert.equal(await statusOf("bytes=1048576-1048577"), 206);
    assert.deepEqual(await listed(), []);
  });

  test("and is reported again if it is damaged again", async () => {
    for (const _ of [1, 2]) {
      await flipBit(file, 1);
      assert.equal(await statusOf("bytes=0-9"), 500);
      await flipBit(file, 1);
      assert.equal(await statusOf("bytes=0-9"), 206);
    }
    assert.equal(server.damaged.length, 2);
  });
});
