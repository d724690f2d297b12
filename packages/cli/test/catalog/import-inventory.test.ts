import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import type { NewArchive } from "../../src/catalog/archives/archive-row.ts";
import { Catalog } from "../../src/catalog/catalog.ts";
import { type ImportOptions, importInventory } from "../../src/catalog/inventory/import-inventory.ts";
import { recordedInventory } from "../../src/catalog/inventory/recorded-inventory.ts";
import { archiveOfNumber, catalogFile, flat, idOfNumber, temporaryCatalog, vault } from "../support/catalogs.ts";

const arn = "arn:aws:glacier:us-east-1:012345678901:vaults/photos";
const { signal } = new AbortController();
const day = (number: number) => new Date(Date.UTC(2026, 0, number));

function entryOf({ archiveId, sizeBytes, treeHash, description, createdAt }: NewArchive): object {
  return {
    ArchiveId: archiveId,
    ArchiveDescription: description,
    CreationDate: createdAt.toISOString(),
    Size: sizeBytes,
    SHA256TreeHash: treeHash,
  };
}

function documentOf(numbers: readonly number[], date: Date, facts: { arn?: string; more?: readonly unknown[] } = {}) {
  const list = [...numbers.map((number) => entryOf(archiveOfNumber(number))), ...(facts.more ?? [])];
  return JSON.stringify({ VaultARN: facts.arn ?? arn, InventoryDate: date.toISOString(), ArchiveList: list });
}

async function* inPieces(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += 10_000) {
    yield bytes.subarray(start, start + 10_000);
  }
}

const importText = (catalog: Catalog, text: string, options: Partial<ImportOptions> = {}) =>
  importInventory(catalog, inPieces(text), { signal, ...options });

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);
const statesOf = (catalog: Catalog, numbers: readonly number[]) =>
  numbers.map((number) => catalog.archives.get(idOfNumber(number))?.state);

test("an inventory is imported with its decoded paths, and again without a change", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const name = Buffer.from(JSON.stringify({ filename: "a/b.jpg", mtime: "20150406T222434Z" })).toString("base64url");
  const decoded = archiveOfNumber(4000, { description: `mt2 ${name}` });
  const progress: number[] = [];
  const text = documentOf(range(1, 3000), day(1), { more: [entryOf(decoded)] });
  const result = await importText(catalog, text, { onProgress: (count) => progress.push(count) });
  assert.deepEqual(result, {
    listed: 3001,
    added: 3001,
    vanished: 0,
    unjudged: null,
    invalid: { count: 0, first: [] },
    replaced: 0,
    listedAt: day(1),
  });
  assert.equal(progress.at(-1), 3001);
  assert.ok(progress.length > 2);
  const archive = catalog.archives.get(decoded.archiveId);
  assert.equal(archive?.path, "a/b.jpg");
  assert.equal(archive?.format, "mt2");
  assert.deepEqual(archive?.modifiedAt, new Date("2015-04-06T22:24:34Z"));
  assert.deepEqual(recordedInventory(catalog), {
    listedAt: day(1),
    listed: 3001,
    leftOut: 0,
    vaultArn: arn,
  });
  const all = await flat(catalog.archives.inOrderOfCreation());
  assert.equal((await importText(catalog, text)).added, 0);
  assert.deepEqual(await flat(catalog.archives.inOrderOfCreation()), all);
});

test("archives that a newer inventory misses have vanished, and are back with one that lists them", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await importText(catalog, documentOf([1, 2, 3], day(1)));
  catalog.archives.addUploaded(archiveOfNumber(4, { createdAt: day(3) }));
  catalog.archives.addUploaded(archiveOfNumber(5, { createdAt: day(1) }));
  catalog.archives.markDeleted([3], day(1));
  const second = await importText(catalog, documentOf([1], day(2)));
  assert.equal(second.vanished, 2);
  assert.deepEqual(statesOf(catalog, [1, 2, 3, 4, 5]), ["present", "vanished", "deleted", "uploaded", "vanished"]);
  await importText(catalog, documentOf([1, 2, 4], day(4)));
  assert.deepEqual(statesOf(catalog, [1, 2, 3, 4, 5]), ["present", "present", "deleted", "present", "vanished"]);
});

for (const [service, endpoint, marginMinutes] of [
  ["AWS", "", 24 * 60],
  ["a Moraine", vault.endpoint, 15],
] as const) {
  test(`an archive that was uploaded here shortly before an inventory of ${service} is not judged by it`, async () => {
    using file = catalogFile();
    using catalog = Catalog.open(file.path, { ...vault, endpoint });
    const before = (minutes: number) => ({ createdAt: new Date(day(3).getTime() - minutes * 60_000) });
    catalog.archives.addUploaded(archiveOfNumber(1, before(marginMinutes - 1)));
    catalog.archives.addUploaded(archiveOfNumber(2, before(marginMinutes + 1)));
    assert.equal((await importText(catalog, documentOf([3], day(3)))).vanished, 1);
    assert.deepEqual(statesOf(catalog, [1, 2, 3]), ["uploaded", "vanished", "present"]);
  });
}

test("an older inventory adds archives, and neither hides nor revives others", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await importText(catalog, documentOf([1, 2], day(2)));
  await importText(catalog, documentOf([1], day(4)));
  const older = await importText(catalog, documentOf([2, 3], day(3)));
  assert.deepEqual([older.vanished, older.unjudged], [null, "older than another"]);
  assert.deepEqual(statesOf(catalog, [1, 2, 3]), ["present", "vanished", "present"]);
  assert.deepEqual(recordedInventory(catalog)?.listedAt, day(4));
});

test("a document that is cut off is an error; what it listed stays, and none vanishes", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await importText(catalog, documentOf([1, 2], day(1)));
  const text = documentOf(range(2, 3000), day(2));
  await assert.rejects(importText(catalog, text.slice(0, -100)), { name: "InventoryFormatError" });
  assert.ok((await catalog.archives.count()) > 1500);
  assert.deepEqual(statesOf(catalog, [1]), ["present"]);
  assert.deepEqual(recordedInventory(catalog)?.listedAt, day(1));
  assert.equal((await importText(catalog, text)).vanished, 1);
});

test("invalid entries are counted and shown, others are imported, and none vanishes", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await importText(catalog, documentOf([9], day(1)));
  const odd = (facts: Partial<NewArchive>) => entryOf(archiveOfNumber(100, facts));
  const more = [odd({ treeHash: "" }), odd({ sizeBytes: -1 }), odd({ archiveId: "../../etc/passwd" }), 5, {}];
  const { invalid, added, vanished, unjudged } = await importText(catalog, documentOf([1, 2], day(2), { more }));
  assert.deepEqual([added, vanished, unjudged, invalid.count], [2, null, "invalid entries", 5]);
  assert.match(invalid.first.map(({ text, reason }) => `${reason}: ${text}`).join("\n"), /etc\/passwd/);
  assert.deepEqual(statesOf(catalog, [9]), ["present"]);
});

test("bytes that are not UTF-8 do not stop an import, and are counted", async () => {
  using opened = temporaryCatalog();
  const bytes = Buffer.from(documentOf([1, 2], day(1)));
  bytes[bytes.indexOf("file 1.txt")] = 0xff;
  const once = async function* () {
    yield bytes;
  };
  const result = await importInventory(opened.catalog, once(), { signal });
  assert.deepEqual([result.added, result.replaced], [2, 1]);
  assert.equal(opened.catalog.archives.get(idOfNumber(1))?.path, "\ufffdile 1.txt");
});

test("the inventory of another vault or account is refused", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const other = (name: string) => documentOf([1], day(1), { arn: name });
  const refused = { name: "CatalogError", message: /^The inventory is of arn:.*, not of .*photos: name/ };
  await assert.rejects(importText(catalog, other("arn:aws:glacier:us-east-1:012345678901:vaults/other")), refused);
  assert.equal(await catalog.archives.count(), 0);
  await importText(catalog, documentOf([1], day(1)));
  await assert.rejects(importText(catalog, other("arn:aws:glacier:us-east-1:999999999999:vaults/photos")), refused);
});

test("a CSV has no date: none vanishes, unless the date is given", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  await importText(catalog, documentOf([1, 2], day(1)));
  const { treeHash } = archiveOfNumber(1);
  const csv = [
    "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash",
    `${idOfNumber(1)},"file 1.txt",2015-01-01T00:00:01Z,1,${treeHash}`,
  ].join("\n");
  assert.equal((await importText(catalog, csv)).unjudged, "no date");
  assert.deepEqual(recordedInventory(catalog)?.listedAt, day(1));
  assert.equal((await importText(catalog, csv, { listedAt: day(2) })).vanished, 1);
  assert.deepEqual(statesOf(catalog, [1, 2]), ["present", "vanished"]);
});

test("archives listed twice, or uploaded before the first inventory, are in the catalogue once", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  catalog.archives.addUploaded(archiveOfNumber(3, { createdAt: day(1), description: "sent", path: "sent" }));
  const result = await importText(catalog, documentOf([1, 2, 3, 2], day(2)));
  assert.deepEqual([result.added, result.vanished], [2, 0]);
  const all = await flat(catalog.archives.inOrderOfCreation());
  assert.deepEqual(
    all.map(({ archiveId, state, path }) => [archiveId, state, path]),
    [1, 2, 3].map((number) => [idOfNumber(number), "present", `file ${number}.txt`]),
  );
  assert.equal(catalog.archives.get(idOfNumber(3))?.number, 1);
});

test("an interrupted first import leaves a catalogue that the next import completes, and nothing else may use", async () => {
  using file = catalogFile();
  const text = documentOf(range(1, 5000), day(1));
  {
    using catalog = Catalog.open(file.path, vault, { forImport: true });
    const interruption = new AbortController();
    const onProgress = () => interruption.abort(new Error("interrupted"));
    await assert.rejects(importText(catalog, text, { signal: interruption.signal, onProgress }), /interrupted/);
  }
  assert.throws(() => Catalog.open(file.path, vault), { name: "CatalogError", message: /import again$/ });
  {
    using catalog = Catalog.open(file.path, vault, { forImport: true });
    assert.equal((await importText(catalog, text)).listed, 5000);
  }
  using catalog = Catalog.open(file.path, vault);
  assert.equal(await catalog.archives.count(), 5000);
  using database = new DatabaseSync(file.path, { readOnly: true });
  const indexes = database
    .prepare("SELECT name FROM sqlite_schema WHERE tbl_name = 'archives' AND type = 'index'")
    .all();
  assert.equal(indexes.length, 4);
});

test("an interrupted import leaves a catalogue whose archives have jobs as it was for others", async () => {
  using file = catalogFile();
  {
    using catalog = Catalog.open(file.path, vault, { forImport: true });
    await importText(catalog, documentOf(range(1, 20), day(1)));
    catalog.jobs.requested(3, "job", "Bulk", day(1));
    const interruption = new AbortController();
    const onProgress = () => interruption.abort(new Error("interrupted"));
    const text = documentOf(range(1, 5000), day(2));
    await assert.rejects(importText(catalog, text, { signal: interruption.signal, onProgress }), /interrupted/);
  }
  using catalog = Catalog.open(file.path, vault);
  const ids = (await flat(catalog.archives.inOrderOfCreation())).map(({ archiveId }) => archiveId);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(catalog.archives.get(idOfNumber(3))?.number, 3);
});

test("nothing is changed before the start of an import is allowed", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const onStart = () => Promise.reject(new Error("another import"));
  await assert.rejects(importText(catalog, documentOf([1, 2], day(1)), { onStart }), /another import/);
  assert.equal(catalog.archives.lastNumber(), 0);
  catalog.assertImported();
});

test("an inventory without archives completes an interrupted import", async () => {
  using file = catalogFile();
  {
    using catalog = Catalog.open(file.path, vault, { forImport: true });
    catalog.archives.bulk.start();
    await importText(catalog, documentOf([], day(1)));
  }
  Catalog.open(file.path, vault)[Symbol.dispose]();
});

test("a given path stays when the inventory is imported again", async () => {
  using opened = temporaryCatalog();
  const { catalog } = opened;
  const text = documentOf([1, 2], day(1));
  await importText(catalog, text);
  const given = { path: "holiday.tar", format: "names-file" } as const;
  assert.equal(catalog.archives.rename({ archiveId: idOfNumber(1), ...given }), true);
  assert.equal(catalog.archives.rename({ archiveId: idOfNumber(9), ...given }), false);
  await importText(catalog, text);
  const { path, format, description } = catalog.archives.get(idOfNumber(1)) ?? {};
  assert.deepEqual(
    { path, format, description },
    { path: "holiday.tar", format: "names-file", description: "file 1.txt" },
  );
});
