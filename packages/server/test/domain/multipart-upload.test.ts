import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ArchiveId, GlacierError, type TreeHash, type UploadId } from "@moraine/protocol";
import fc from "fast-check";
import { countedLeaves, naiveRoot, sha256 } from "../../../protocol/test/naive-tree.ts";
import { InvariantError } from "../../src/domain/invariant.ts";
import type { Segment } from "../../src/domain/segment.ts";
import {
  ArchiveAssembly,
  assertClaimed,
  assertPartFits,
  type ExpectedArchive,
  type MultipartUpload,
} from "../../src/domain/vaults/multipart-upload.ts";

const mebibyte = 1024 ** 2;
const upload = (partSizeBytes: number): MultipartUpload => ({
  id: "upload" as UploadId,
  vaultId: "vault",
  archiveId: "archive" as ArchiveId,
  description: "",
  partSizeBytes,
  createdAt: 0,
});
const hex = (digest: Uint8Array) => Buffer.from(digest).toString("hex") as TreeHash;
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof GlacierError && error.code === "InvalidParameterValueException" && message.test(error.message);

/** An archive of this many leaves in parts of this many, with the hash of the naive tree over all leaves. */
function archiveOf(leafCount: number, leavesPerPart: number, lastLeafBytes = mebibyte) {
  const leaves = countedLeaves(leafCount);
  const sizeBytes = (leafCount - 1) * mebibyte + lastLeafBytes;
  const parts: Segment[] = [];
  for (let first = 0; first < leafCount; first += leavesPerPart) {
    const firstByte = first * mebibyte;
    const partBytes = Math.min(leavesPerPart * mebibyte, sizeBytes - firstByte);
    const treeHash = hex(naiveRoot(leaves.slice(first, first + leavesPerPart)));
    parts.push({ key: `key${first}`, ownerId: "archive", firstByte, sizeBytes: partBytes, treeHash });
  }
  return { parts, claim: { sizeBytes, treeHash: hex(naiveRoot(leaves)) } };
}

/** The tree hash of the archive that the parts make. */
function assembleArchive(from: MultipartUpload, parts: readonly Segment[], claim: ExpectedArchive): TreeHash {
  const assembly = new ArchiveAssembly(from, sha256);
  for (const part of parts) {
    assembly.push(part);
  }
  return assembly.finish(claim).treeHash;
}

describe("assembling an archive", () => {
  test("part hashes compose the hash over all leaves, for any number of leaves and any part size", () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 1, max: mebibyte }),
      (leafCount, exponent, lastLeafBytes) => {
        const { parts, claim } = archiveOf(leafCount, 2 ** exponent, lastLeafBytes);
        assert.equal(assembleArchive(upload(2 ** exponent * mebibyte), parts, claim), claim.treeHash);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  test("ten thousand parts of 4 GiB make the largest archive", () => {
    const size = 4 * 1024 ** 3;
    const parts = Array.from({ length: 10_000 }, (_, index) => {
      const treeHash = hex(sha256(Buffer.from(`${index}`)));
      return { key: `${index}`, ownerId: "archive", firstByte: index * size, sizeBytes: size, treeHash };
    });
    const treeHash = hex(naiveRoot(parts.map((part) => Buffer.from(part.treeHash, "hex"))));
    const claim = { sizeBytes: 42_949_672_960_000, treeHash };
    assert.equal(assembleArchive(upload(size), parts, claim), treeHash);
  });

  test("the claim may be in capitals", () => {
    const { parts, claim } = archiveOf(3, 1);
    const loud = { ...claim, treeHash: claim.treeHash.toUpperCase() };
    assert.equal(assembleArchive(upload(mebibyte), parts, loud), claim.treeHash);
  });

  test("a gap, a short part within, and no parts are refused before the claim is looked at", () => {
    const { parts, claim } = archiveOf(4, 1);
    const wrong = { sizeBytes: 7, treeHash: "0" };
    const [first, second, third, fourth] = parts as [Segment, Segment, Segment, Segment];
    const short = { ...second, sizeBytes: mebibyte - 1 };
    for (const [given, message] of [
      [[], /has no parts/],
      [[second, third, fourth], /missing the bytes 0-1048575:/],
      [[first, third, fourth], /missing the bytes 1048576-2097151:/],
      [[first, fourth], /missing the bytes 1048576-3145727:/],
      [[first, short, third, fourth], /part 1048576-2097150 is shorter/],
    ] as const) {
      assert.throws(() => assembleArchive(upload(mebibyte), given, claim), refused(message));
      assert.throws(() => assembleArchive(upload(mebibyte), given, wrong), refused(message));
    }
    assert.throws(() => assembleArchive(upload(mebibyte), parts.slice(0, 3), claim), refused(/archive-size/));
  });

  test("parts that overlap are our mistake, not the client's", () => {
    const { parts, claim } = archiveOf(3, 1);
    const [first, second] = parts as [Segment, Segment, Segment];
    assert.throws(() => assembleArchive(upload(mebibyte), [first, first, second], claim), InvariantError);
  });
});

test("a claim is judged by its size first", () => {
  const archive = { sizeBytes: 5, treeHash: "ab" as TreeHash };
  assert.throws(
    () => assertClaimed(archive, { sizeBytes: 6, treeHash: "cd" }),
    refused(/^Invalid x-amz-archive-size: 6$/),
  );
  assert.throws(
    () => assertClaimed(archive, { sizeBytes: 5, treeHash: "CD" }),
    refused(/^Invalid x-amz-sha256-tree-hash: CD$/),
  );
  assertClaimed(archive, { sizeBytes: 5, treeHash: "AB" });
});

describe("whether a part fits", () => {
  const fits = (partSizeBytes: number, firstByte: number, lastByte: number, sizeBytes: number | null) => () =>
    assertPartFits(upload(partSizeBytes), { range: { firstByte, lastByte }, header: "HEADER", sizeBytes });
  const size = 4 * 1024 ** 3;

  test("offsets of terabytes are exact", () => {
    fits(size, 9999 * size, 10_000 * size - 1, size)();
    fits(size, 9999 * size, 9999 * size, null)();
    assert.throws(fits(size, 9999 * size + 1, 9999 * size + 1, null), refused(/^Invalid Content-Range: HEADER$/));
    assert.throws(fits(size, 10_000 * size, 10_000 * size, null), refused(/^This is part number 10001 /));
  });

  test("alignment comes first, then the length, then the number of the part", () => {
    assert.throws(fits(mebibyte, 10_000 * mebibyte + 1, 10_000 * mebibyte + 1, 5), refused(/^Invalid Content-Range/));
    assert.throws(
      fits(mebibyte, 10_000 * mebibyte, 10_000 * mebibyte, 5),
      refused(/is incompatible with Content-Length: 5$/),
    );
    assert.throws(fits(mebibyte, 0, mebibyte, mebibyte + 1), refused(/^Invalid Content-Range/));
  });
});
