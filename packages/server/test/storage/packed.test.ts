import assert from "node:assert/strict";
import { test } from "node:test";
import { newArchiveId, newJobId } from "../../src/domain/new-id.ts";
import { KeySource } from "../../src/storage/blobs/blob-key.ts";
import {
  packHash,
  packHead,
  packId,
  packKey,
  packTail,
  unpackHash,
  unpackId,
  unpackKey,
} from "../../src/storage/metadata/tables/packed.ts";

const digits = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

test("ids of archives and jobs are packed six bits a digit, and come back as they were", () => {
  const ids = Array.from({ length: 500 }, (_, index) => (index % 2 === 0 ? newArchiveId() : newJobId()));
  // Each digit at each place within three bytes, and the extremes.
  const written = [...digits].flatMap((digit) => [
    digit.repeat(138),
    `z-_${digit}`.repeat(23),
    `${digit}0z`.repeat(46),
  ]);
  for (const id of [...ids, ...written]) {
    assert.equal(unpackId(packId(id)), id);
    assert.equal(packHead(id).length + packTail(id).length, id.length === 138 ? 104 : 69);
  }
});

test("packed ids sort as their text does", () => {
  const ids = Array.from({ length: 2000 }, () => newArchiveId());
  const byText = [...ids].sort();
  const byBytes = [...ids].sort((a, b) => Buffer.compare(packHead(a), packHead(b)));
  assert.deepEqual(byBytes, byText);
  const neighbours = [...digits].map((digit) => `A${digit}`.padEnd(138, "k"));
  assert.deepEqual(
    [...neighbours].sort((a, b) => Buffer.compare(packHead(a), packHead(b))),
    [...neighbours].sort(),
  );
});

test("text of another form is no packed id, whatever it is, and comes back too", () => {
  for (const text of ["", "owner", "é".repeat(20), `${"a".repeat(137)}!`, "a".repeat(91), "a".repeat(139)]) {
    assert.equal(unpackId(packId(text)), text);
  }
});

test("a key is packed without its owner's id", () => {
  const keys = new KeySource();
  for (const owner of [newArchiveId(), newJobId(), "leftover"]) {
    const key = keys.next(owner);
    assert.equal(packKey(key).length, 14);
    assert.equal(unpackKey(packKey(key), owner), key);
  }
  assert.equal(unpackKey(packKey("segments/of/another/store"), newArchiveId()), "segments/of/another/store");
});

test("a hash is 32 bytes, and only hexadecimal digits are one", () => {
  const hash = "0123456789abcdef".repeat(4);
  assert.equal(packHash(hash).length, 32);
  assert.equal(unpackHash(packHash(hash)), hash);
  assert.throws(() => packHash("g".repeat(64)), { name: "InvariantError" });
});
