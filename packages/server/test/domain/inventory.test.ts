import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ArchiveId, encodeInventoryMarker, GlacierError } from "@moraine/protocol";
import { inventoryBounds } from "../../src/domain/jobs/inventory.ts";
import { delaySeconds, type InventorySelection } from "../../src/domain/jobs/job.ts";
import { newArchiveId, newJobId, newRequestId, newUploadId, newVaultId } from "../../src/domain/new-id.ts";

const none: InventorySelection = { startDate: null, endDate: null, limit: null, marker: null };
const bounds = (selection: Partial<InventorySelection>) => inventoryBounds({ ...none, ...selection });
const refused = (message: RegExp | string) => (error: unknown) =>
  error instanceof GlacierError &&
  error.code === "InvalidParameterValueException" &&
  (typeof message === "string" ? error.message === message : message.test(error.message));

describe("the bounds of an inventory", () => {
  test("no selection has none", () => {
    assert.deepEqual(bounds({}), { createdFrom: null, createdBefore: null, after: null, itemsMax: null });
  });

  test("dates are read with their zone and any fraction", () => {
    for (const [text, time] of [
      ["2013-03-20T17:03:43Z", "2013-03-20T17:03:43.000Z"],
      ["2013-03-20T17:03:43.2Z", "2013-03-20T17:03:43.200Z"],
      ["2013-03-20T17:03:43.221Z", "2013-03-20T17:03:43.221Z"],
      ["2013-03-20T17:03:43+01:30", "2013-03-20T15:33:43.000Z"],
      ["2013-03-20T17:03:43-0800", "2013-03-21T01:03:43.000Z"],
    ] as const) {
      assert.equal(bounds({ startDate: text }).createdFrom, Date.parse(time), text);
      assert.equal(bounds({ endDate: text }).createdBefore, Date.parse(time), text);
    }
  });

  test("a value that only looks like a date is refused, under its name", () => {
    for (const text of [
      "",
      "now",
      "1363799023",
      "2013-03-20",
      "2013-03-20 17:03:43Z",
      "2013-03-20T17:03:43",
      "2013-02-30T10:00:00Z",
      "2013-13-01T10:00:00Z",
      "2013-02-28T25:00:00Z",
    ]) {
      assert.throws(() => bounds({ startDate: text }), refused(`Invalid StartDate: ${text}`));
      assert.throws(() => bounds({ endDate: text }), refused(`Invalid EndDate: ${text}`));
    }
  });

  test("the end comes after the start", () => {
    const startDate = "2013-03-20T17:03:43Z";
    assert.equal(bounds({ startDate, endDate: "2013-03-20T17:03:44Z" }).itemsMax, null);
    for (const endDate of [startDate, "2013-03-20T17:03:42Z", "2013-03-20T17:03:43+00:01"]) {
      assert.throws(() => bounds({ startDate, endDate }), refused(/^Invalid EndDate: /));
    }
  });

  test("a limit is a whole number from one on", () => {
    for (const [text, value] of [
      ["1", 1],
      ["10000", 10_000],
      ["0042", 42],
      ["999999999999999", 999_999_999_999_999],
    ] as const) {
      assert.equal(bounds({ limit: text }).itemsMax, value);
    }
    for (const text of ["", "0", "000", "-1", "+1", "1.0", "1e3", " 1", "ten"]) {
      assert.throws(() => bounds({ limit: text }), refused(`Invalid limit: ${text}`));
    }
  });

  test("a marker is a position, and anything else is refused", () => {
    const archiveId = `-${"a".repeat(137)}` as ArchiveId;
    const marker = encodeInventoryMarker({ createdAt: 1_363_799_023_221, archiveId });
    const { after } = bounds({ marker });
    assert.equal(after?.createdAt, 1_363_799_023_221);
    assert.ok((after?.id ?? "") >= archiveId, "what the marker was made from does not come again");
    for (const text of ["", "nonsense", `${marker}A`, marker.slice(0, -1), `B${marker.slice(1)}`]) {
      assert.throws(() => bounds({ marker: text }), refused(`Invalid marker: ${text}`));
    }
  });
});

test("each tier and inventories have their own delay", () => {
  const delays = { expeditedSeconds: 1, standardSeconds: 2, bulkSeconds: 3, inventorySeconds: 4 };
  const kinds = ["Expedited", "Standard", "Bulk", "Inventory"] as const;
  assert.deepEqual(
    kinds.map((kind) => delaySeconds(delays, kind)),
    [1, 2, 3, 4],
  );
});

test("ids have the lengths of AWS's, are all different, and begin with any character of base64url", () => {
  for (const [make, length] of [
    [newArchiveId, 138],
    [newJobId, 92],
    [newUploadId, 92],
    [newRequestId, 48],
    [newVaultId, 22],
  ] as const) {
    const ids = Array.from({ length: 2000 }, make);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.every((id) => id.length === length && /^[A-Za-z0-9_-]+$/.test(id)));
    assert.equal(new Set(ids.map((id) => id[0])).size, 64);
  }
});
