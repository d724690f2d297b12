import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { scrubRangeCount } from "../../src/domain/stores/scrub-store.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { rowSecret } from "../support/row-secret.ts";

// Rows of the scrub have no MAC, so that any value may be in them.

for (const damage of [
  "DELETE FROM scrub_ranges WHERE first_byte > 20",
  "UPDATE scrub_ranges SET first_byte = 1000 WHERE first_byte = 7",
  "UPDATE scrub_ranges SET read_at = 'long ago' WHERE first_byte = 7",
  "DELETE FROM scrub",
]) {
  test(`a scrub whose rows are damaged begins again: ${damage}`, async () => {
    await withScrub(damage, async (store) => {
      const nothing = { rangesReadAt: [], cursor: null, newReadAt: null, newestSequence: null };
      assert.deepEqual(await store.scrubState(), nothing);
      await store.beginScrub({ rangesReadAt, newReadAt: 3 });
      assert.deepEqual(await store.scrubState(), { ...nothing, rangesReadAt, newReadAt: 3 });
    });
  });
}

test("a cursor of no range is none, and its scrub continues", async () => {
  await withScrub("UPDATE scrub SET cursor_range = 999", async (store) => {
    assert.deepEqual(await store.scrubState(), { rangesReadAt, cursor: null, newReadAt: 1, newestSequence: null });
  });
});

test("rows of the scrub's queue that name nothing are no segments, and can be forgotten", async () => {
  await withScrub("INSERT INTO scrub_queue VALUES (1, x'00'), (2, 'text'), (3, 4)", async (store) => {
    const read = await store.newSegments({ afterSequence: 0, lastSequence: 3, limit: 9 });
    assert.deepEqual(
      read,
      [1, 2, 3].map((sequence) => ({ sequence, segment: null })),
    );
    await store.forgetNewSegments([1, 2, 3]);
    assert.equal((await store.scrubState()).newestSequence, null);
  });
});

const rangesReadAt = Array.from({ length: scrubRangeCount }, (_, range) => range);

/** Opens a store whose scrub is in the middle of a range after a change by hand. */
async function withScrub(statement: string, body: (store: MetadataStore) => Promise<void>): Promise<void> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "metadata.db");
  const first = await openAt(path);
  await first.beginScrub({ rangesReadAt, newReadAt: 1 });
  await first.keepScrubCursor({ range: 7, beganAt: 2, after: null });
  await first.close();
  const database = new DatabaseSync(path);
  database.exec(statement);
  database.close();
  const store = await openAt(path);
  try {
    await body(store);
  } finally {
    await store.close();
  }
}

const openAt = (path: string): Promise<MetadataStore> =>
  openSqliteStore({
    ...{ path, mayCreate: true, rowSecret },
    onFailure(error) {
      throw error;
    },
  });
