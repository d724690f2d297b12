import assert from "node:assert/strict";
import { test } from "node:test";
import { CorruptSegmentError } from "../../src/domain/segment.ts";
import { BlobStoreUnavailableError, NotRestoredYetError } from "../../src/domain/stores/blob-store.ts";
import { readOrCorrupt } from "../../src/segments/open.ts";

const segment = { key: "ab/cd/owner.AAAAAAAAAAAAAAAA", firstByte: 0, sizeBytes: 10 };

test("a read that fails is damage, unless the store is away or has to restore it", async () => {
  const readWith = (error: Error) => {
    const reader = { sizeBytes: 10, read: () => Promise.reject(error), close: async () => undefined };
    return readOrCorrupt(reader, segment, Buffer.alloc(10), 0);
  };
  await assert.rejects(readWith(new Error("EIO")), CorruptSegmentError);
  await assert.rejects(readWith(new BlobStoreUnavailableError("away")), BlobStoreUnavailableError);
  await assert.rejects(readWith(new NotRestoredYetError("The blob")), NotRestoredYetError);
});
