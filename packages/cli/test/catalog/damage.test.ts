import assert from "node:assert/strict";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Catalog } from "../../src/catalog/catalog.ts";
import { CatalogError, toCatalogError } from "../../src/catalog/catalog-error.ts";
import { archiveOfNumber, catalogFile, flat, vault } from "../support/catalogs.ts";

const refusal = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof CatalogError, String(error));
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /\n/);
  return true;
};

function filled(path: string, count = 2000): void {
  using catalog = Catalog.open(path, vault);
  catalog.archives.addInventory(
    Array.from({ length: count }, (_, at) => archiveOfNumber(at)),
    null,
  );
}

test("the file is its owner's alone", () => {
  using file = catalogFile();
  filled(file.path, 1);
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
});

test("a file that is no database, or another program's, is refused and left alone", () => {
  using file = catalogFile();
  writeFileSync(file.path, "holiday photos, ".repeat(100));
  assert.throws(() => Catalog.open(file.path, vault), refusal(/is not a catalogue: name another file with --catalog/));
  assert.match(readFileSync(file.path, "utf8"), /^holiday/);
  const other = `${file.path}-other`;
  {
    using database = new DatabaseSync(other);
    database.exec("CREATE TABLE songs (name TEXT)");
  }
  assert.throws(() => Catalog.open(other, vault), refusal(/is not a catalogue: name another file/));
});

test("a catalogue of a newer version is refused, with both versions", () => {
  using file = catalogFile();
  filled(file.path, 1);
  {
    using database = new DatabaseSync(file.path);
    database.exec("PRAGMA user_version = 7");
  }
  assert.throws(
    () => Catalog.open(file.path, vault),
    refusal(/has version 7, and this program reads version 2: use a newer/),
  );
});

test("the catalogue of another vault is refused", () => {
  using file = catalogFile();
  filled(file.path, 1);
  for (const other of [{ vaultName: "music" }, { endpoint: "http://elsewhere" }, { region: "eu-west-1" }]) {
    const open = () => Catalog.open(file.path, { ...vault, ...other });
    assert.throws(open, refusal(/is the catalogue of vault photos at .*, not of vault .*: name another file/));
  }
  using _ = Catalog.open(file.path, { ...vault, accountId: "012345678901" });
});

test("a damaged file is reported with what to do, whether its beginning or its middle is damaged", async () => {
  using file = catalogFile();
  filled(file.path);
  const sound = readFileSync(file.path);
  const whatToDo = /(damaged|is not a catalogue).*(moraine catalog import VAULT --rebuild|another file)/;
  for (const [from, to] of [
    [0, 100],
    [100, 4096],
    [4096, sound.length],
    [sound.length / 2, sound.length],
  ] as const) {
    writeFileSync(file.path, Buffer.concat([sound.subarray(0, from), Buffer.alloc(to - from, 7), sound.subarray(to)]));
    await assert.rejects(
      async () => {
        using catalog = Catalog.open(file.path, vault);
        await flat(catalog.archives.inOrderOfCreation());
        await flat(catalog.archives.inOrderOfPath());
        await catalog.archives.totals();
      },
      refusal(whatToDo),
      `bytes ${from} to ${to}`,
    );
  }
  writeFileSync(file.path, sound);
  truncateSync(file.path, sound.length - 40_960);
  assert.throws(() => {
    using catalog = Catalog.open(file.path, vault);
    catalog.archives.byNumber(1999);
  }, refusal(whatToDo));
});

test("a missing folder is reported with what to do", () => {
  using file = catalogFile();
  const path = join(dirname(file.path), "missing", "photos.sqlite");
  assert.throws(() => Catalog.open(path, vault), refusal(/cannot be opened .*make its folder writable/));
});

test("a change waits for another process, and is reported when that does not end", () => {
  using file = catalogFile();
  filled(file.path, 1);
  using catalog = Catalog.open(file.path, vault);
  using other = new DatabaseSync(file.path);
  other.exec("BEGIN IMMEDIATE");
  assert.throws(() => catalog.costs.add("requests", 1), refusal(/is locked by another process: wait/));
  other.exec("ROLLBACK");
  assert.equal(catalog.costs.add("requests", 1), 1);
});

test("failures to write are reported with what to do", () => {
  using file = catalogFile();
  filled(file.path, 1);
  const failureOf = (database: DatabaseSync) => {
    try {
      database.exec("CREATE TABLE large AS SELECT zeroblob(1000000)");
    } catch (error) {
      return toCatalogError(error, file.path);
    }
    return null;
  };
  using full = new DatabaseSync(file.path);
  full.exec("PRAGMA max_page_count = 60");
  refusal(/The disk of the catalogue .* is full.*: free some space/)(failureOf(full));
  using readOnly = new DatabaseSync(file.path, { readOnly: true });
  refusal(/cannot be written: make the file and its folder writable/)(failureOf(readOnly));
});

test("a catalogue whose rows lead back to the beginning is named as damaged, and not read without end", {
  timeout: 20_000,
}, async () => {
  using file = catalogFile();
  filled(file.path);
  {
    using catalog = Catalog.open(file.path, vault);
    catalog.change(() => {
      for (let number = 1; number <= 2000; number += 1) {
        catalog.jobs.requested(number, `job ${number}`, "Bulk", new Date(0));
      }
    });
  }
  leadBack(file.path, "jobs_by_state");
  using catalog = Catalog.open(file.path, vault);
  await assert.rejects(flat(catalog.jobs.inState("requested", { batchSize: 100 })), refusal(/not in order.*--rebuild/));
});

/** Writes the first page of an index over its last, as a disk does that writes to a wrong place. */
function leadBack(path: string, index: string): void {
  const [root, pageBytes] = layoutOf(path, index);
  const bytes = readFileSync(path);
  const startOf = (page: number) => (page - 1) * pageBytes;
  // A page of pages has its last one in its header, and a pointer to the cell of the first one after that.
  const [cell, last] = [bytes.readUInt16BE(startOf(root) + 12), bytes.readUInt32BE(startOf(root) + 8)];
  const first = bytes.readUInt32BE(startOf(root) + cell);
  const leaf = 0x0a;
  assert.deepEqual(
    [first, last].map((page) => bytes[startOf(page)]),
    [leaf, leaf],
  );
  bytes.copyWithin(startOf(last), startOf(first), startOf(first) + pageBytes);
  writeFileSync(path, bytes);
}

function layoutOf(path: string, index: string): [rootPage: number, pageBytes: number] {
  using database = new DatabaseSync(path);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(index)?.["rootpage"];
  return [Number(root), Number(database.prepare("PRAGMA page_size").get()?.["page_size"])];
}
