import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as sdk from "@aws-sdk/client-s3";
import fc from "fast-check";
import { noRoom, plusUpload, type TargetSpace, targetPlanOf } from "../../src/planning/target-plan.ts";
import { targetSpace } from "../../src/planning/target-space.ts";
import { PartBuffers } from "../../src/targets/parts/part-buffers.ts";
import { findObject } from "../../src/targets/s3/find-object.ts";
import { S3Calls } from "../../src/targets/s3/s3-calls.ts";
import { S3Objects } from "../../src/targets/s3/s3-objects.ts";
import { S3Uploads } from "../../src/targets/s3/s3-uploads.ts";
import { storeInParts } from "../../src/targets/s3/store-in-parts.ts";
import { storeObject } from "../../src/targets/s3/store-object.ts";
import { archiveOf, outputOf } from "../support/archive-in-memory.ts";
import { MemoryBucket } from "../support/memory-bucket.ts";

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-requests-"));
});
after(() => rm(folder, { recursive: true }));

function requestsFor(kind: TargetSpace["kind"], ...sizes: readonly number[]): number {
  const uploads = sizes.reduce(plusUpload, { inOneRequest: 0, inParts: 0, parts: 0 });
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const details = {
    ...{ sizes: [], largestBytes: 0, names: { formats: [], decisions: [] }, uploads },
    ...{ early: { archives: 0, missingByteDays: 0 }, overHourlyLimit: { archives: 0, bytes: 0 }, bytesInBlocks: 0 },
  };
  const contents = { asOf: null, archives: sizes.length, bytes, details };
  return targetPlanOf({ url: "", kind, ...noRoom }, contents, null).requests;
}

for (const [words, sizeBytes, store] of [
  ["in one request", 1000, storeObject],
  ["in parts", 17 * mebibyte, storeInParts],
] as const) {
  test(`plans as many requests as a bucket receives for an archive ${words}`, async () => {
    const bucket = new MemoryBucket();
    const calls = new S3Calls({
      ...{ url: { bucket: "bucket", prefix: "", region: null, endpoint: null, name: "s3://bucket" }, sdk },
      client: bucket as unknown as sdk.S3Client,
      at: (key) => ({ Bucket: "bucket", Key: key }),
    });
    await using buffers = new PartBuffers(folder);
    const parts = {
      ...{ prefix: "", objects: new S3Objects(calls), uploads: new S3Uploads(calls), buffers, stateFolder: folder },
    };
    const archive = archiveOf(1, sizeBytes);
    const { signal } = new AbortController();
    // The first when its job is requested, the other when its output is ready.
    assert.equal(await findObject(parts, archive.facts, signal), null);
    assert.equal(await findObject(parts, archive.facts, signal), null);
    await store(parts, archive.facts, outputOf(archive).output, { signal, onBytes: () => undefined });
    assert.equal(bucket.requests.length, requestsFor("s3", sizeBytes), bucket.requests.join(", "));
  });
}

test("parts have the size that targets choose, and are at most 10,000", () => {
  assert.equal(requestsFor("vault", 8 * mebibyte), 1);
  assert.equal(requestsFor("aws-vault", 8 * mebibyte), 3);
  assert.equal(requestsFor("vault", 64 * mebibyte), 10);
  assert.equal(requestsFor("aws-vault", 64 * mebibyte), 10);
  assert.equal(requestsFor("vault", 100 * gibibyte), 6402);
  assert.equal(requestsFor("vault", 1, 64 * mebibyte), 11);
  assert.equal(requestsFor("folder", 100 * gibibyte), 0);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 * 1024 ** 4 }), (size) => {
      assert.ok(requestsFor("aws-vault", size) <= 10_002);
    }),
  );
});

test("without a catalogue, requests are counted as if all archives had the same size", () => {
  const contents = { asOf: null, archives: 10, bytes: 10 * 64 * mebibyte, details: null };
  assert.equal(targetPlanOf({ url: "", kind: "vault", ...noRoom }, contents, null).requests, 100);
  const empty = { ...contents, archives: 0, bytes: 0 };
  assert.equal(targetPlanOf({ url: "", kind: "vault", ...noRoom }, empty, null).requests, 0);
});

test("a vault of AWS is one by its URL", async () => {
  const kindOf = async (url: string) => (await targetSpace(url, (name) => name)).kind;
  assert.equal(await kindOf("vault:photos@aws:eu-west-1"), "aws-vault");
  assert.equal(await kindOf("vault:photos@https://glacier.us-east-1.amazonaws.com"), "aws-vault");
  assert.equal(await kindOf("vault:photos@https://glacier.cn-north-1.amazonaws.com.cn/?region=x"), "aws-vault");
  assert.equal(await kindOf("vault:photos@https://amazonaws.com.example.org:8484"), "vault");
});
