import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TreeHash } from "@moraine/protocol";
import { newArchiveId } from "../../src/domain/new-id.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { Archive } from "../../src/domain/vaults/archive.ts";
import { assertSameBytes, createVault, describeJob, finishedJob, getOutput, mebibyte } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { accountId, region, startTestServer, startTime, type TestServer } from "../support/server.ts";

// A vault with more archives than one page of rows holds, and a document longer than one leaf.

const archiveCount = 5003;
const treeHash = "ab".repeat(32) as TreeHash;
const vault = { accountId, region, vaultName: "large" };

let server: TestServer;
let metadata: MetadataStore;
const archives: Archive[] = [];
before(async () => {
  metadata = await openInlineStore(":memory:");
  server = await startTestServer({ metadata });
  await createVault(server, "large");
  const { clock } = server.parts;
  const vaultId = (await metadata.findVault(vault))?.id ?? "";
  for (let index = 0; index < archiveCount; index += 1) {
    // Seven in each millisecond, so that pages end within one.
    const createdAt = startTime + Math.floor(index / 7);
    const id = newArchiveId();
    const archive = {
      id,
      vaultId,
      description: `number, ${index}`,
      sizeBytes: index + 1,
      treeHash,
      createdAt,
      deletedAt: null,
    };
    const key = `00/00/${id}.${String(index).padStart(16, "x")}`;
    await metadata.recordIntent({ key, ownerId: id, leaseUntil: clock.now() + 1_000_000 });
    await metadata.addArchive({
      vault,
      accessVersion: 0,
      archive,
      segment: { key, ownerId: id, firstByte: 0, sizeBytes: index + 1, treeHash },
    });
    archives.push(archive);
  }
  archives.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
});
after(async () => {
  await server.stop();
  await metadata.close();
});

const csvLine = ({ id, description, createdAt, sizeBytes }: Archive) =>
  `${id},"${description}",${new Date(createdAt).toISOString().slice(0, 19)}Z,${sizeBytes},${treeHash}\n`;
const csvOf = (listed: readonly Archive[]) =>
  `ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n${listed.map(csvLine).join("")}`;

test("the JSON document lists every archive once, by creation and then by id", async () => {
  const jobId = await finishedJob(server, "large", { Type: "inventory-retrieval" });
  const answer = await getOutput(server, "large", jobId);
  const { ArchiveList } = answer.json<{ ArchiveList: Array<{ ArchiveId: string; Size: number }> }>();
  assert.deepEqual(
    ArchiveList.map(({ ArchiveId, Size }) => `${ArchiveId} ${Size}`),
    archives.map(({ id, sizeBytes }) => `${id} ${sizeBytes}`),
  );
  const { InventorySizeInBytes } = await describeJob(server, "large", jobId);
  assert.equal(InventorySizeInBytes, answer.body.length);
});

test("the CSV document is right to the byte, whole and in ranges", async () => {
  const jobId = await finishedJob(server, "large", { Type: "inventory-retrieval", Format: "CSV" });
  const expected = Buffer.from(csvOf(archives));
  assert.ok(expected.length > 1024 ** 2);
  assertSameBytes((await getOutput(server, "large", jobId)).body, expected);
  for (const [first, last] of [
    [0, 99],
    [1_048_570, 1_048_590],
    [500_000, expected.length - 1],
  ] as const) {
    const answer = await getOutput(server, "large", jobId, `bytes=${first}-${last}`);
    assertSameBytes(answer.body, expected.subarray(first, last + 1));
  }
});

test("limits that cross pages of rows leave no gap", async () => {
  for (const limit of [999, 1000, 1001, 2500, 5003]) {
    let seen = "";
    let marker: string | null = null;
    do {
      const parameters: Readonly<Record<string, unknown>> = { Limit: limit, Marker: marker };
      const request = { Type: "inventory-retrieval", Format: "CSV", InventoryRetrievalParameters: parameters };
      const jobId = await finishedJob(server, "large", request);
      const page = (await getOutput(server, "large", jobId)).text;
      seen += page.slice(page.indexOf("\n") + 1);
      marker = (await describeJob(server, "large", jobId)).InventoryRetrievalParameters?.Marker ?? null;
    } while (marker !== null);
    assert.equal(csvOf([]) + seen === csvOf(archives), true, `limit ${limit}`);
  }
});

for (const [document, limit, capacityBytes] of [
  ["of all archives", undefined, 3 * mebibyte],
  ["of one archive", "1", 10_000],
] as const) {
  test(`an inventory ${document} needs room for its own bytes, not for the longest that there could be`, async () => {
    await server.stop();
    server = await startTestServer({ metadata, blobs: new MemoryBlobStore(capacityBytes) });
    const parameters = limit === undefined ? {} : { InventoryRetrievalParameters: { Limit: limit } };
    const jobId = await finishedJob(server, "large", { Type: "inventory-retrieval", Format: "CSV", ...parameters });
    assert.equal(
      (await getOutput(server, "large", jobId)).text,
      csvOf(archives.slice(0, Number(limit ?? archiveCount))),
    );
    assert.deepEqual(server.postponed, []);
  });
}
