import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { ByteRange } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../src/domain/segment.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { archiveSegments } from "../../src/segments/archive-segments.ts";
import { coveringSlices } from "../../src/segments/coverage.ts";
import { joinedHash, mebibyte, start, unchanged, World } from "../contract/metadata/world.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { sealRows } from "../support/row-secret.ts";

const partCount = 250;
const sizeBytes = partCount * mebibyte;
const whole = { firstByte: 0, lastByte: sizeBytes - 1 };

test("the segments of an archive of many parts are read in pages, from any first byte to any last", async () => {
  await withArchive(async ({ read, parts, pages }) => {
    assert.deepEqual(await read(whole), parts);
    assert.ok(pages.every((count) => count <= 100));
    assert.deepEqual(await read({ firstByte: 99 * mebibyte + 5, lastByte: 201 * mebibyte }), parts.slice(99, 202));
    assert.deepEqual(await read({ firstByte: 7, lastByte: 7 }), parts.slice(0, 1));
    assert.deepEqual(await read({ firstByte: sizeBytes - 1, lastByte: sizeBytes - 1 }), parts.slice(-1));
  });
});

for (const [where, part] of Object.entries({ first: 0, "in a page": 42, "at a page's start": 100, last: 249 })) {
  test(`a row that is missing (${where}) is damage, and nothing of its page is read`, async () => {
    await withArchive(async ({ read, parts, edit }) => {
      edit(`DELETE FROM segments WHERE first_byte = ${part * mebibyte}`);
      const seen: Segment[] = [];
      await assert.rejects(read(whole, seen), (error) => {
        assert.ok(error instanceof CorruptSegmentError);
        assert.match(error.message, new RegExp(`no segment holds byte ${part * mebibyte} of its archive`));
        return true;
      });
      assert.deepEqual(seen, parts.slice(0, seen.length));
      assert.ok(seen.length <= part - (part % 100), "nothing of the page with the gap is read");
    });
  });
}

test("a row that says that its segment is shorter is damage", async () => {
  await withArchive(async ({ read, edit }) => {
    edit(`UPDATE segments SET size_bytes = size_bytes - 1 WHERE first_byte = ${99 * mebibyte}`);
    await assert.rejects(read(whole), CorruptSegmentError);
  });
});

test("a row that says that its segment is longer is damage", async () => {
  await withArchive(async ({ read, edit }) => {
    edit(`UPDATE segments SET size_bytes = size_bytes + 1 WHERE first_byte = ${99 * mebibyte}`);
    await assert.rejects(read(whole), CorruptSegmentError);
  });
});

interface Story {
  readonly parts: readonly Segment[];
  /** How many rows each page had. */
  readonly pages: readonly number[];
  read(range: ByteRange, into?: Segment[]): Promise<Segment[]>;
  edit(statement: string): void;
}

async function withArchive(body: (story: Story) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-archive-segments-"));
  const path = join(folder, "metadata.db");
  const store = await openInlineStore(path);
  try {
    const { archiveId, parts } = await makeArchive(store);
    const pages: number[] = [];
    const segmentsOf: MetadataStore["segmentsOf"] = async (at) => {
      const page = await store.segmentsOf(at);
      pages.push(page.length);
      return page;
    };
    const read = async (range: ByteRange, into: Segment[] = []) => {
      for await (const slices of coveringSlices(archiveSegments({ segmentsOf }, { archiveId, range }), range)) {
        into.push(...slices.map(({ segment }) => segment));
      }
      return into;
    };
    const edit = (statement: string) => {
      using database = new DatabaseSync(path);
      assert.equal(database.prepare(statement).run().changes, 1);
      sealRows(database);
    };
    await body({ parts, pages, read, edit });
  } finally {
    await store.close();
    await rm(folder, { recursive: true });
  }
}

async function makeArchive(store: MetadataStore) {
  const world = new World(store);
  const upload = await world.upload(await world.vault(), { partSizeBytes: mebibyte });
  const parts: Segment[] = [];
  for (let number = 0; number < partCount; number += 1) {
    parts.push(await world.part(upload, number));
  }
  const claim = { sizeBytes, treeHash: joinedHash(parts) };
  const at = { ...unchanged(upload), uploadId: upload.id, idleSince: start, now: start };
  const { id: archiveId } = await world.complete({ ...at, claim });
  return { archiveId, parts };
}
