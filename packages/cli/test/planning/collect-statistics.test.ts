import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { Catalog } from "../../src/catalog/catalog.ts";
import { decodeName } from "../../src/names/decode-name.ts";
import { collectStatistics } from "../../src/planning/collect-statistics.ts";
import { NameKeys } from "../../src/planning/name-keys.ts";

const vault = { endpoint: "http://127.0.0.1:1", region: "us-east-1", accountId: "-", vaultName: "photos" };
const now = new Date("2026-11-30T00:00:00Z");
const day = 24 * 3600 * 1000;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-plan-"));
});
after(() => rm(folder, { recursive: true }));

function archive(index: number, description: string, sizeBytes: number, ageDays = 1000) {
  const { path, format, modifiedAt } = decodeName(description);
  const createdAt = new Date(now.getTime() - ageDays * day);
  const archiveId = String(index).padStart(138, "a");
  return { archiveId, sizeBytes, treeHash: "0".repeat(64), description, createdAt, path, format, modifiedAt };
}

test("counts sizes, names that need a decision, young archives and requests, and leaves deleted ones out", async () => {
  using catalog = Catalog.open(join(folder, "one.sqlite"), vault);
  const mt2 = Buffer.from(JSON.stringify({ filename: "a/B.txt", mtime: "20130101T000000Z" })).toString("base64url");
  const { numbers } = catalog.archives.addInventory(
    [
      archive(1, "a/b.txt", 100),
      archive(2, `mt2 ${mt2}`, 5000),
      archive(3, "../../etc/passwd", 70 * 1024 ** 2),
      archive(4, "", 1, 60),
      archive(5, `${"x".repeat(300)}`, 1, 89),
      archive(6, "gone", 1_000_000),
    ],
    null,
  );
  catalog.archives.markDeleted(numbers.slice(5), now);
  const { signal } = new AbortController();
  const options = { asOf: now, now, retrievalPerHour: 5000, blockBytes: 4096, signal };
  const { details, ...sums } = await collectStatistics(catalog, options);
  assert.deepEqual(sums, { asOf: now, archives: 5, bytes: 5102 + 70 * 1024 ** 2 });
  assert.ok(details !== null);
  assert.deepEqual(
    details.names.decisions.map(({ kind, archives, examples }) => [kind, archives, examples[0]?.slice(0, 20)]),
    [
      ["duplicate", 1, "a/B.txt"],
      ["unsafe", 1, "../../etc/passwd"],
      ["too-long", 1, "x".repeat(20)],
      ["nameless", 1, "a".repeat(20)],
    ],
  );
  assert.deepEqual(details.names.formats, [
    { format: "text", archives: 3 },
    { format: "mt2", archives: 1 },
    { format: "none", archives: 1 },
  ]);
  assert.deepEqual(details.early, { archives: 2, missingByteDays: 31 * (1 + 32_768) });
  assert.deepEqual(details.overHourlyLimit, { archives: 1, bytes: 70 * 1024 ** 2 });
  assert.equal(details.bytesInBlocks, 5 * 4096 + 70 * 1024 ** 2);
  assert.deepEqual(details.uploads, { inOneRequest: 4, inParts: 1, parts: 9 });
  assert.equal(details.largestBytes, 70 * 1024 ** 2);
});

test("an interruption ends the count", async () => {
  using catalog = Catalog.open(join(folder, "interrupted.sqlite"), vault);
  catalog.archives.addInventory([archive(1, "a", 1)], null);
  const signal = AbortSignal.abort(new Error("stopped"));
  await assert.rejects(
    collectStatistics(catalog, { asOf: null, now, retrievalPerHour: null, blockBytes: 1, signal }),
    /stopped/,
  );
});

test("finds equal keys as a map does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2 ** 48 - 1 }).map((key) => key % 600)), async (keys) => {
      using found = new NameKeys();
      found.add(keys.map((key, number) => ({ key, number })));
      const { count, examples } = await found.duplicates(3);
      assert.equal(count, keys.length - new Set(keys).size);
      assert.ok(examples.every((number) => keys.indexOf(keys[number] ?? -1) < number));
      assert.ok(count === 0 || examples.length > 0);
    }),
    { numRuns: 10 },
  );
});
