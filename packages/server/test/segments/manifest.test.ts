import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { limits } from "@moraine/protocol";
import { ManualClock } from "../../src/clock/clocks.ts";
import { CorruptSegmentError, manifestPlace, type SegmentKind } from "../../src/domain/segment.ts";
import type { BlobReader } from "../../src/domain/stores/blob-store.ts";
import type { Archive } from "../../src/domain/vaults/archive.ts";
import { manifestSizeMax, readManifest } from "../../src/segments/manifest.ts";
import { openSegment } from "../../src/segments/open.ts";
import { openUnknownSegment } from "../../src/segments/open-unknown.ts";
import {
  arn,
  completeRequest,
  createVault,
  finishedJob,
  initiateUpload,
  mebibyte,
  partRequest,
  randomContent,
  treeHashOf,
  uploadArchive,
  uploadInParts,
} from "../support/glacier.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { accountId, region, startTestServer, startTime, type TestServer } from "../support/server.ts";

/** Keeps the names of all blobs that were created. */
class NamedBlobs extends MemoryBlobStore {
  readonly names: string[] = [];

  override newKey(ownerId: string): string {
    const key = super.newKey(ownerId);
    this.names.push(key);
    return key;
  }
}

/** Is never twice the same. */
class TickingClock extends ManualClock {
  override now(): number {
    this.advance(1);
    return super.now();
  }
}

const clock = new TickingClock(startTime);
let blobs: NamedBlobs;
let server: TestServer;
before(async () => {
  blobs = new NamedBlobs();
  server = await startTestServer({ blobs, clock });
  await createVault(server, "vault");
});
after(() => server.stop());

/** The names of the blobs that an action creates. */
async function createdBy(action: () => Promise<unknown>): Promise<string[]> {
  const before = blobs.names.length;
  await action();
  return blobs.names.slice(before);
}

async function listOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) {
    list.push(item);
  }
  return list;
}

async function archiveOf(archiveId: string): Promise<Archive | null> {
  const { metadata } = server.parts;
  const vault = await metadata.findVault({ accountId, region, vaultName: "vault" });
  return metadata.findArchive({ vaultId: vault?.id ?? "", archiveId });
}

const sendPart = async (uploadId: string, archive: Uint8Array, firstByte: number) => {
  const part = archive.subarray(firstByte, firstByte + mebibyte);
  assert.equal((await server.client.send(partRequest("vault", uploadId, firstByte, part))).status, 204);
};

test("completing an upload stores a manifest of the archive and of its own parts", async () => {
  const archive = randomContent(2 * mebibyte + 7);
  const uploadId = await initiateUpload(server, "vault", mebibyte, 'books "1"');
  const [first, replaced, last, second] = await createdBy(async () => {
    for (const firstByte of [0, mebibyte, 2 * mebibyte, mebibyte]) {
      await sendPart(uploadId, archive, firstByte);
    }
  });
  let archiveId: unknown;
  const manifests = await createdBy(async () => {
    for (const _ of ["first", "repeated"]) {
      const answer = await server.client.send(completeRequest("vault", uploadId, archive));
      assert.equal(answer.status, 201);
      archiveId = answer.headers["x-amz-archive-id"];
    }
  });
  assert.equal(manifests.length, 1, "a repeated call stores no other manifest");
  const opened = await openUnknownSegment(blobs, manifests[0] ?? "");
  const { segment, footer } = opened;
  assert.deepEqual([footer.kind, segment.firstByte, segment.ownerId], ["manifest", manifestPlace, archiveId]);
  const { head, parts } = await readManifest(segment, opened);
  assert.deepEqual(head, {
    archiveId,
    vaultArn: arn("vault"),
    description: 'books "1"',
    createdAt: (await archiveOf(segment.ownerId))?.createdAt,
    sizeBytes: archive.length,
    treeHash: treeHashOf(archive),
    partsRevision: 4,
  });
  const listed = await listOf(parts);
  const expected = [first, second, last].map((key, index) => [key, index * mebibyte]);
  assert.deepEqual(
    listed.map(({ key, firstByte }) => [key, firstByte]),
    expected,
  );
  assert.ok(!listed.some(({ key }) => key === replaced));
  for (const part of listed) {
    // Throws when the part's footer does not say the same.
    await (await openSegment(blobs, part)).close();
  }
});

test("the longest manifest lies before its archive's first byte", () => {
  assert.ok(manifestPlace + manifestSizeMax(limits.partCountMax) < 0);
});

test("footers say whether their bytes are an archive, a part, a manifest or an inventory", async () => {
  const kindsOf = async (action: () => Promise<unknown>): Promise<Array<SegmentKind | undefined>> => {
    const opened = await Promise.all((await createdBy(action)).map((name) => openUnknownSegment(blobs, name)));
    return opened.map(({ footer }) => footer.kind);
  };
  assert.deepEqual(await kindsOf(() => uploadArchive(server, "vault", randomContent(10))), ["archive"]);
  const inParts = () => uploadInParts(server, "vault", randomContent(mebibyte + 1), mebibyte);
  assert.deepEqual(await kindsOf(inParts), ["part", "part", "manifest"]);
  const inventory = () => finishedJob(server, "vault", { Type: "inventory-retrieval" });
  assert.deepEqual(await kindsOf(inventory), ["inventory"]);
});

test("the time in the footer of a single upload is the archive's creation date", async () => {
  let archiveId = "";
  const [name = ""] = await createdBy(async () => {
    archiveId = await uploadArchive(server, "vault", randomContent(10));
  });
  const { footer } = await openUnknownSegment(blobs, name);
  assert.equal(footer.storedAt, (await archiveOf(archiveId))?.createdAt);
  assert.ok(footer.storedAt < clock.now(), "time passes");
});

const withFlippedByte = (reader: BlobReader, at: number): BlobReader => ({
  sizeBytes: reader.sizeBytes,
  close: () => reader.close(),
  async read(into, position) {
    await reader.read(into, position);
    if (position <= at && at < position + into.length) {
      into[at - position] = (into[at - position] ?? 0) ^ 1;
    }
  },
});

test("a manifest with a flipped bit is not read", async () => {
  const names = await createdBy(() => uploadInParts(server, "vault", randomContent(mebibyte + 1), mebibyte));
  const opened = await openUnknownSegment(blobs, names.at(-1) ?? "");
  const { segment, reader } = opened;
  for (const at of [0, segment.sizeBytes - 20]) {
    const damaged = { ...opened, reader: withFlippedByte(reader, at) };
    await assert.rejects(readManifest(segment, damaged), CorruptSegmentError);
  }
  await assert.doesNotReject(readManifest(segment, opened));
});

test("a file without its whole footer, or with another's name, is no segment", async () => {
  const [name = "", other = ""] = await createdBy(async () => {
    await uploadArchive(server, "vault", randomContent(10));
    await uploadArchive(server, "vault", randomContent(10));
  });
  const { reader } = await openUnknownSegment(blobs, name);
  const bytes = Buffer.alloc(reader.sizeBytes);
  await reader.read(bytes, 0);
  const kept = (length: number, key = name) => {
    const store = Object.assign(new MemoryBlobStore(), {
      open: async () => ({
        sizeBytes: length,
        close: async () => undefined,
        read: async (into: Uint8Array, position: number) =>
          void into.set(bytes.subarray(position, position + into.length)),
      }),
    });
    return openUnknownSegment(store, key);
  };
  await (await kept(bytes.length)).close();
  for (const length of [0, 1, 11, 12, bytes.length - 1]) {
    await assert.rejects(kept(length), CorruptSegmentError, `${length} bytes`);
  }
  await assert.rejects(kept(bytes.length, other), CorruptSegmentError);
});
