import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TreeHash } from "@moraine/protocol";
import fc from "fast-check";
import { CorruptSegmentError } from "../../src/domain/segment.ts";
import { decodeFooter, encodeFooter, type Footer, footerSizeMax, leafAt } from "../../src/segments/footer.ts";

const mebibyte = 1024 ** 2;
const base64url = fc.string({
  unit: fc.constantFrom(..."ABCxyz019-_"),
  minLength: 1,
  maxLength: 138,
});
const footer: fc.Arbitrary<Footer> = fc
  .record({
    ownerId: base64url,
    vaultArn: base64url.map((name) => `arn:aws:glacier:us-east-1:012345678901:vaults/${name}`),
    description: fc.string({ unit: fc.constantFrom(...' aZ~\\",'), maxLength: 1024 }),
    storedAt: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    firstByte: fc.integer({ min: 0, max: 42_949_672_959_999 }),
    treeHash: fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString("hex") as TreeHash),
    leaves: fc
      .integer({ min: 1, max: 40 })
      .chain((count) => fc.uint8Array({ minLength: 32 * count, maxLength: 32 * count })),
    lastLeafBytes: fc.integer({ min: 1, max: mebibyte }),
  })
  .map(({ lastLeafBytes, leaves, ...rest }) => ({
    ...rest,
    leaves: Buffer.from(leaves),
    sizeBytes: (leaves.length / 32 - 1) * mebibyte + lastLeafBytes,
  }));

test("a footer is read back as it was written, within the room that is kept for it", () => {
  const property = fc.property(footer, (written) => {
    const bytes = Buffer.from(encodeFooter(written));
    assert.ok(bytes.length <= footerSizeMax(written.sizeBytes));
    const read = decodeFooter(bytes, { key: "key", sizeBytes: written.sizeBytes });
    assert.deepEqual({ ...read, leaves: Buffer.from(read.leaves) }, written);
    const count = written.leaves.length / 32;
    const leaves = Array.from({ length: count }, (_, index) => leafAt(read, index));
    assert.deepEqual(Buffer.concat(leaves), written.leaves);
  });
  fc.assert(property, { numRuns: 200 });
});

test("the largest segment has room for the longest names", () => {
  const sizeBytes = 4 * 1024 ** 3;
  const written = {
    ownerId: "a".repeat(138),
    vaultArn: `arn:aws-us-gov:glacier:us-gov-west-1:012345678901:vaults/${"v".repeat(255)}`,
    description: '"'.repeat(1024),
    storedAt: Number.MAX_SAFE_INTEGER,
    firstByte: 9999 * sizeBytes,
    sizeBytes,
    treeHash: "ab".repeat(32) as TreeHash,
    leaves: Buffer.alloc(4096 * 32),
  };
  assert.ok(encodeFooter(written).length <= footerSizeMax(sizeBytes));
});

test("reports a footer with a flipped bit, too short or too long as damaged", () => {
  const property = fc.property(footer, fc.nat(), fc.nat({ max: 7 }), fc.nat(), (written, at, bit, cut) => {
    const whole = Buffer.from(encodeFooter(written));
    const flipped = Buffer.from(whole);
    const position = at % whole.length;
    flipped[position] = (flipped[position] ?? 0) ^ (1 << bit);
    const shorter = whole.subarray(0, cut % whole.length);
    const beheaded = whole.subarray(1 + (cut % (whole.length - 1)));
    const longer = Buffer.concat([whole, Buffer.of(0)]);
    const doubled = Buffer.concat([whole, whole]);
    for (const bytes of [flipped, shorter, beheaded, longer, doubled, Buffer.alloc(whole.length)]) {
      assert.throws(() => decodeFooter(bytes, { key: "the key", sizeBytes: written.sizeBytes }), CorruptSegmentError);
    }
  });
  fc.assert(property, { numRuns: 200 });
});

/** Writes a body with the hash and the length that make a footer of it. */
function sealed(body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 32 + 12);
  return Buffer.concat([body, createHash("sha256").update(body).digest(), length, Buffer.from("MORSEG01")]);
}

function bodyOf(descriptor: string, leaves: number, announced = descriptor.length): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(announced);
  return Buffer.concat([Buffer.from("MORSEG01"), length, Buffer.from(descriptor), Buffer.alloc(32 * leaves)]);
}

test("reports a footer with the right hash but wrong lengths or a wrong descriptor as damaged", () => {
  const segment = { key: "the key", sizeBytes: 2 * mebibyte };
  const descriptor = JSON.stringify({ ownerId: "a" });
  assert.equal(decodeFooter(sealed(bodyOf(descriptor, 2)), segment).ownerId, "a");
  const bodies = {
    "a leaf too few": bodyOf(descriptor, 1),
    "a leaf too many": bodyOf(descriptor, 3),
    "a descriptor that announces less": bodyOf(descriptor, 2, descriptor.length - 1),
    "a descriptor that announces more": bodyOf(descriptor, 2, descriptor.length + 1),
    "a descriptor of four gigabytes": bodyOf(descriptor, 2, 2 ** 32 - 1),
    "a descriptor that is too long": bodyOf(JSON.stringify({ ownerId: "a".repeat(5000) }), 2),
    "no descriptor": bodyOf("", 2),
    "a descriptor that is no JSON": bodyOf("{", 2),
    "a descriptor that is null": bodyOf("null", 2),
    "a descriptor that is a number": bodyOf("1234", 2),
  };
  for (const [what, body] of Object.entries(bodies)) {
    assert.throws(() => decodeFooter(sealed(body), segment), CorruptSegmentError, what);
  }
});

test("the error names the segment", () => {
  const segment = { key: "the key", sizeBytes: 1 };
  assert.throws(() => decodeFooter(Buffer.alloc(100), segment), /^CorruptSegmentError: Segment the key is damaged/);
});
