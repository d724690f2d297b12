import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Catalog } from "../../src/catalog/catalog.ts";
import { carryCosts } from "../../src/catalog/opening/carry-costs.ts";
import { transferOnly } from "../../src/catalog/tables/cost-table.ts";
import { archiveOfNumber, catalogFile, temporaryCatalog, vault } from "../support/catalogs.ts";

const version1 = readFileSync(new URL("../support/catalog-version-1.sql", import.meta.url), "utf8");

/** Creates a catalogue of version 1, with archives 1 to 7 of as many bytes and marks of requests and transfers of all kinds. */
function createVersion1(path: string): void {
  using database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; ${version1}`);
  const fact = database.prepare("INSERT INTO facts VALUES (?, ?)");
  for (const [name, value] of Object.entries({
    vault: JSON.stringify(vault),
    "rescue-hour": "an hour",
    "unlisted-manifest": "file:///copies",
    "unpaid-1": "",
    "left-2": JSON.stringify({ jobId: "job 2", bytes: 1 }),
    "request-4": JSON.stringify({ tier: "Bulk", sentAt: null }),
    "request-12345": JSON.stringify({ tier: "Standard", sentAt: 17.25 }),
    "settled-5": JSON.stringify({ tier: "Bulk", sentAt: 3 }),
  })) {
    fact.run(name, value);
  }
  const archive = database.prepare(
    "INSERT INTO archives VALUES (?, ?, ?, ?, zeroblob(32), '', 0, NULL, 0, NULL, 0, NULL)",
  );
  for (let number = 1; number <= 7; number += 1) {
    archive.run(number, archiveOfNumber(number).archiveId, number, 10 ** number);
  }
  const job = database.prepare("INSERT INTO jobs VALUES (?, ?, ?, 'Bulk', 1, 0, NULL, NULL, 1)");
  for (const number of [1, 2, 3]) {
    job.run(number, `job ${number}`, number);
  }
  database.exec(`
    INSERT INTO costs VALUES ('jobs Bulk', 5);
    INSERT INTO targets VALUES (1, 'file:///copies');
    INSERT INTO copies VALUES (1, 6, 'six', 3, 10, NULL, NULL, 'it is broken', 8, NULL);
  `);
}

test("a catalogue of version 1 keeps its facts, and what it knows of requests and transfers", () => {
  using file = catalogFile();
  createVersion1(file.path);
  // The second time, it is one of this version.
  for (const _ of [1, 2]) {
    using catalog = Catalog.open(file.path, vault);
    const { requests, unpaid, facts, costs } = catalog;
    assert.deepEqual(
      [...requests.all()],
      [
        [4, { tier: "Bulk", sentAt: null }],
        [12_345, { tier: "Standard", sentAt: 17.25 }],
      ],
    );
    assert.deepEqual(
      [3, 4, 5, 12_345].map((number) => requests.has(number)),
      [false, true, true, true],
    );
    assert.deepEqual(
      [1, 2].map((number) => unpaid.has(number)),
      [true, false],
    );
    assert.equal(unpaid.leftOf(2, "job 2"), 1);
    assert.equal(unpaid.leftOf(2, "another job"), null);
    assert.equal(facts.get("rescue-hour"), "an hour");
    assert.equal(facts.get("unlisted-manifest"), "file:///copies");
    assert.equal(costs.get("jobs Bulk"), 5);
    const { state, attempts, failedAtTarget } = catalog.copies.of("file:///copies").get(6) ?? {};
    assert.deepEqual([state, attempts, failedAtTarget], ["failed", 8, false]);
  }
  using database = new DatabaseSync(file.path);
  assert.equal(database.prepare("SELECT count(*) AS facts FROM facts").get()?.["facts"], 3);
});

test("a catalogue of version 1 that is made again carries over what one of this version does, and is not changed", () => {
  using file = catalogFile();
  createVersion1(file.path);
  const before = readFileSync(file.path);
  const carried = () => {
    using opened = temporaryCatalog();
    const { catalog } = opened;
    assert.ok(carryCosts(file.path, catalog));
    return [catalog.costs.get("jobs Bulk"), catalog.costs.get(transferOnly), catalog.facts.get("rescue-hour")];
  };
  // Archive 2 has a byte left, 3 has a job, 4 and 5 have requests.
  const expected = [5, -(1 + 10 ** 3 + 10 ** 4 + 10 ** 5), "an hour"];
  assert.deepEqual(carried(), expected);
  assert.deepEqual(readFileSync(file.path), before);
  Catalog.open(file.path, vault)[Symbol.dispose]();
  assert.deepEqual(carried(), expected);
});
