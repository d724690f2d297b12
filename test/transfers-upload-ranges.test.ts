import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type RangedSource, uploadArchive, VerificationError } from "../packages/client/src/node.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { inPieces, UploadRig } from "./support/upload-rig.ts";

// Uploads of archives that are read from elsewhere, range by range.

const mebibyte = 1024 ** 2;
const content = contentOf(31, 6 * mebibyte + 77);
const treeHash = treeHashOf(content);

let rig: UploadRig;
before(async () => {
  rig = await UploadRig.start("ranges");
});
after(() => rig[Symbol.asyncDispose]());

/** The content as a source, which notes the ranges that are read. */
function sourceOf(bytes: Uint8Array, read: string[], given: Partial<RangedSource> = {}): RangedSource {
  return {
    sizeBytes: bytes.length,
    treeHash,
    identity: "elsewhere 1",
    async *read({ firstByte, lastByte }) {
      read.push(`${firstByte}-${lastByte}`);
      yield* inPieces(bytes.subarray(firstByte, lastByte + 1), 300_000);
    },
    ...given,
  };
}

test("ranges are uploaded in parts, and in one request", async () => {
  const { options } = await rig.newRun(content);
  for (const [partSizeBytes, ranges] of [
    [2 * mebibyte, 4],
    [undefined, 1],
  ] as const) {
    const read: string[] = [];
    const { archiveId } = await uploadArchive(rig.client, sourceOf(content, read), { ...options, partSizeBytes });
    await rig.assertStored(archiveId, content);
    assert.equal(read.length, ranges);
  }
});

test("a resumed upload reads no range that the service has", async () => {
  const { options, journal, sentParts } = await rig.newRun(content);
  const settings = { ...options, journal, partSizeBytes: mebibyte, concurrency: 2 };
  const stopping = new AbortController();
  const first: string[] = [];
  const failing = sourceOf(content, first, {
    async *read({ firstByte, lastByte }) {
      if (first.push(String(firstByte)) > 4) {
        stopping.abort(new Error("interrupted"));
      }
      yield content.subarray(firstByte, lastByte + 1);
    },
  });
  await assert.rejects(uploadArchive(rig.client, failing, { ...settings, signal: stopping.signal }), /interrupted/);
  const sentBefore = new Set(sentParts());
  const read: string[] = [];
  const { archiveId, resumedBytes } = await uploadArchive(rig.client, sourceOf(content, read), settings);
  await rig.assertStored(archiveId, content);
  assert.ok(resumedBytes >= 2 * mebibyte, `${resumedBytes} bytes are not sent again`);
  assert.equal(read.length, 7 - resumedBytes / mebibyte);
  assert.ok(sentBefore.size >= 2);
});

test("parts that make another archive than is known are aborted, and the next upload starts over", async () => {
  const { options, journal } = await rig.newRun(content);
  const settings = { ...options, journal, partSizeBytes: mebibyte };
  const before = await rig.archiveIds();
  const other = Buffer.from(content);
  other[3 * mebibyte] = (other[3 * mebibyte] ?? 0) ^ 1;
  await assert.rejects(uploadArchive(rig.client, sourceOf(other, []), settings), VerificationError);
  await assert.rejects(uploadArchive(rig.client, sourceOf(other, []), options), VerificationError);
  assert.deepEqual(await rig.archiveIds(), before);
  const read: string[] = [];
  const { archiveId } = await uploadArchive(rig.client, sourceOf(content, read), settings);
  assert.equal(read.length, 7);
  await rig.assertStored(archiveId, content);
});

test("a range that is shorter or longer than it should be makes no archive", async () => {
  const { options } = await rig.newRun(content);
  for (const [less, message] of [
    [1, /has \d+ bytes of a range, expected \d+/],
    [-1, /has more than the \d+ bytes of a range/],
  ] as const) {
    const source = sourceOf(content, [], { sizeBytes: content.length - 10 });
    const read: RangedSource["read"] = ({ firstByte, lastByte }) =>
      inPieces(content.subarray(firstByte, lastByte + 1 - less), mebibyte);
    await assert.rejects(uploadArchive(rig.client, { ...source, read }, options), message);
  }
});
