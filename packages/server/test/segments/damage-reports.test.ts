import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CorruptSegmentError } from "../../src/domain/segment.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { type BytesOwner, type Damage, ownerOf } from "../../src/domain/vaults/damage.ts";
import { DamageReports } from "../../src/segments/damage-reports.ts";
import { mebibyte, start, World } from "../contract/metadata/world.ts";
import { openInlineStore } from "../support/inline-store.ts";

const all = { firstByte: 0, lastByte: mebibyte - 1 };
const half = { firstByte: 0, lastByte: mebibyte / 2 };
const rowsDisagree = new CorruptSegmentError(null, "a row is missing");

let metadata: MetadataStore;
let owner: BytesOwner;
let reports: DamageReports;
let repaired: Damage[];

beforeEach(async () => {
  metadata = await openInlineStore(":memory:");
  const world = new World(metadata);
  const vault = await world.vault();
  const { archive } = await world.archive(vault, { sizeBytes: mebibyte });
  const { id: archiveId, description: archiveDescription, sizeBytes: archiveSizeBytes } = archive;
  owner = ownerOf({ archiveId, archiveDescription, archiveSizeBytes } as Parameters<typeof ownerOf>[0], vault);
  repaired = [];
  reports = reportsOf(metadata);
});
afterEach(() => metadata.close());

function reportsOf(store: MetadataStore): DamageReports {
  const log = { found: () => undefined, repaired: (damage: Damage) => repaired.push(damage), met: () => undefined };
  return new DamageReports({ metadata: store, clock: { now: () => start } as never, log });
}

/** Reads that find every byte right. */
async function* soundBytes(): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(1);
}

describe("damage in no known segment", () => {
  test("stays known however well its bytes read: rows are missing or wrong", async () => {
    await reports.report(rowsDisagree, owner, all);
    await assert.rejects(reports.recheck(owner.id, half, soundBytes), CorruptSegmentError);
    assert.deepEqual(repaired, []);
  });

  test("is forgotten only when all of its range was verified at once", async () => {
    await reports.report(rowsDisagree, owner, all);
    await reports.verified(owner.id, half);
    assert.equal(reports.counts.archives, 1);
    await reports.verified(owner.id, all);
    assert.equal(reports.counts.archives, 0);
    assert.equal(repaired.length, 1);
  });
});

test("a read before the first count asks for known damage", async () => {
  await reports.report(rowsDisagree, owner, all);
  const restarted = reportsOf(metadata);
  await assert.rejects(restarted.recheck(owner.id, half, soundBytes), CorruptSegmentError);
});

test("a count that was asked for before a report does not hide its damage", async () => {
  const counted = Promise.withResolvers<void>();
  let counts = 0;
  const slowFirstCount: MetadataStore = {
    ...metadata,
    async countDamage() {
      const isFirst = counts === 0;
      counts += 1;
      const found = await metadata.countDamage();
      if (isFirst) {
        await counted.promise;
      }
      return found;
    },
  };
  const late = reportsOf(slowFirstCount);
  const refreshed = late.refresh();
  await late.report(rowsDisagree, owner, all);
  counted.resolve();
  await refreshed;
  assert.equal(late.counts.archives, 1);
  await assert.rejects(late.recheck(owner.id, half, soundBytes), CorruptSegmentError);
});
