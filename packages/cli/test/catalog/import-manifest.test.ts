import assert from "node:assert/strict";
import { test } from "node:test";
import { importManifest } from "../../src/catalog/inventory/import-manifest.ts";
import { archiveOfNumber, temporaryCatalog } from "../support/catalogs.ts";

const { signal } = new AbortController();
const sha256 = "cd".repeat(32);

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines;
}

function lineOf(number: number, facts: object = {}): string {
  const { archiveId, treeHash, sizeBytes } = archiveOfNumber(number);
  const copy = { archiveId, path: `a/${number}`, bytes: sizeBytes, treeHash, sha256, mtime: null };
  return JSON.stringify({ ...copy, verifiedAt: "2026-01-02T03:04:05.000Z", ...facts });
}

test("a manifest's copies are verified in a new catalogue, and lines about anything else are counted", async () => {
  using opened = temporaryCatalog();
  const { archives, copies } = opened.catalog;
  archives.addInventory(
    [1, 2, 3, 4].map((number) => archiveOfNumber(number)),
    null,
  );
  const lines = [
    lineOf(1),
    "",
    lineOf(2, { location: "bucket/key" }),
    lineOf(3, { bytes: 99 }),
    lineOf(4, { treeHash: "00".repeat(32) }),
    lineOf(5),
    ...[lineOf(1, { verifiedAt: "once" }), lineOf(1, { sha256: 5 }), "null", "5", lineOf(1).slice(0, -9)],
  ];
  const result = await importManifest(opened.catalog, "file:///rescued", each(lines), { signal });
  assert.deepEqual(result, { verified: 2, unknown: 1, different: 2, invalid: 5 });
  const target = copies.of("file:///rescued");
  assert.deepEqual(target.totals().verified, { copies: 2, bytes: 3 });
  const { path, location, verifiedAt } = target.get(1) ?? {};
  assert.deepEqual([path, location, verifiedAt], ["a/1", "a/1", new Date("2026-01-02T03:04:05Z")]);
  assert.equal(target.get(2)?.location, "bucket/key");
  assert.deepEqual(await importManifest(opened.catalog, "file:///rescued", each(lines), { signal }), result);
  assert.equal(target.totals().verified.copies, 2);
});

test("a copy planned under another name is found where the manifest says", async () => {
  using opened = temporaryCatalog();
  const { archives, copies } = opened.catalog;
  archives.addInventory([archiveOfNumber(1)], null);
  const target = copies.of("file:///rescued");
  target.plan(1, "other");
  await importManifest(opened.catalog, "file:///rescued", each([lineOf(1)]), { signal });
  assert.equal(target.get(1)?.location, "a/1");
});
