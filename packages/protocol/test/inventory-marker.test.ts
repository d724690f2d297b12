import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ArchiveId,
  decodeInventoryMarker,
  encodeInventoryMarker,
  type InventoryPosition,
  idLengths,
} from "@moraine/protocol";
import fc from "fast-check";

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const token = (length: number) =>
  fc.string({ unit: fc.constantFrom(...base64url), minLength: length, maxLength: length, size: "max" });
const archiveIds = token(idLengths.archive).map((text) => text as ArchiveId);
const createdAt = fc.oneof(fc.nat(3), fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 48 - 1 }));

test("a marker is 139 characters of base64url", () => {
  fc.assert(
    fc.property(createdAt, archiveIds, (time, archiveId) => {
      assert.match(encodeInventoryMarker({ createdAt: time, archiveId }), /^[A-Za-z0-9_-]{139}$/);
    }),
  );
});

test("pages that follow markers show every archive once, in order, whatever the page's length", () => {
  const archives = fc.uniqueArray(fc.record({ createdAt, archiveId: archiveIds }), {
    selector: ({ archiveId }) => archiveId,
    maxLength: 30,
  });
  fc.assert(
    fc.property(archives, fc.integer({ min: 1, max: 7 }), (positions, limit) => {
      const inventory = [...positions].sort(compare);
      const seen: InventoryPosition[] = [];
      let rest = inventory;
      while (rest.length > 0) {
        const page = rest.slice(0, limit);
        seen.push(...page);
        assert.ok(seen.length <= inventory.length, "an archive came twice");
        const marker = encodeInventoryMarker(page.at(-1) as InventoryPosition);
        const position = decodeInventoryMarker(marker);
        assert.ok(position);
        rest = inventory.filter((each) => compare(each, position) > 0);
      }
      assert.deepEqual(seen, inventory);
    }),
  );
});

test("a marker keeps the creation time to the millisecond, and a full archive id of the same beginning", () => {
  const archiveId = `-_${"x".repeat(136)}` as ArchiveId;
  const position = decodeInventoryMarker(encodeInventoryMarker({ createdAt: 1_428_366_378_999, archiveId }));
  assert.equal(position?.createdAt, 1_428_366_378_999);
  assert.equal(position?.archiveId.length, idLengths.archive);
  assert.equal(position?.archiveId.slice(0, 126), archiveId.slice(0, 126));
});

test("a string that the service cannot have issued is no marker", () => {
  const marker = encodeInventoryMarker({ createdAt: 1, archiveId: "a".repeat(138) as ArchiveId });
  for (const text of [
    "",
    "x",
    marker.slice(1),
    `${marker}A`,
    `B${marker.slice(1)}`,
    `${marker.slice(0, 138)}+`,
    "é".repeat(139),
  ]) {
    assert.equal(decodeInventoryMarker(text), undefined, text);
  }
});

test("a marker with any character changed is refused", () => {
  const change = fc.record({ index: fc.nat(138), by: fc.integer({ min: 1, max: 63 }) });
  fc.assert(
    fc.property(createdAt, archiveIds, change, (time, archiveId, { index, by }) => {
      const marker = encodeInventoryMarker({ createdAt: time, archiveId });
      const other = base64url[(base64url.indexOf(marker.charAt(index)) + by) % 64];
      assert.equal(decodeInventoryMarker(marker.slice(0, index) + other + marker.slice(index + 1)), undefined);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("a time that no marker can hold is a fault of ours", () => {
  for (const time of [-1, 0.5, 2 ** 48, Number.NaN]) {
    assert.throws(() => encodeInventoryMarker({ createdAt: time, archiveId: "a" as ArchiveId }), RangeError);
  }
});

/** Creation date, then archive id by bytes. */
function compare(a: InventoryPosition, b: InventoryPosition): number {
  return a.createdAt - b.createdAt || Buffer.compare(Buffer.from(a.archiveId), Buffer.from(b.archiveId));
}
