import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { archiveOfNumber, flat, idOfNumber, temporaryCatalog } from "../support/catalogs.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

test("an archive is read as it was added, whatever its id and its description are", () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const odd = [
    archiveOfNumber(1),
    archiveOfNumber(2, { archiveId: "not base64url: é", modifiedAt: new Date("2012-05-15T17:19:46.700Z") }),
    archiveOfNumber(3, { archiveId: `${"A".repeat(137)}B`, description: "mt2 eyJmIjoiYSJ9", path: "a", format: "mt2" }),
    archiveOfNumber(4, { description: "", path: "", format: "none", sizeBytes: 0 }),
    archiveOfNumber(5, {
      description: "nul\0 and 𝄞",
      path: "a/b\0c",
      format: "json-path",
      sizeBytes: 40_000 * 1024 ** 3,
    }),
  ];
  assert.deepEqual(archives.addInventory(odd, null), { numbers: [1, 2, 3, 4, 5], addedCount: 5 });
  for (const [at, archive] of odd.entries()) {
    const expected = { ...archive, number: at + 1, state: "present", stateAt: null };
    assert.deepEqual(archives.get(archive.archiveId), expected);
    assert.deepEqual(archives.byNumber(at + 1), expected);
  }
  assert.equal(archives.get(idOfNumber(6)), null);
});

test("an inventory that is added again adds nothing, and corrects what the service says otherwise", () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const listed = numbers(3).map((number) => archiveOfNumber(number));
  archives.addInventory(listed, null);
  const [first, ...rest] = listed;
  const corrected = archiveOfNumber(1, { sizeBytes: 77, description: "b", path: "b" });
  assert.deepEqual(archives.addInventory([...rest, corrected], null), { numbers: [2, 3, 1], addedCount: 0 });
  assert.equal(first?.sizeBytes, 1);
  assert.deepEqual(archives.get(idOfNumber(1)), { ...corrected, number: 1, state: "present", stateAt: null });
});

test("an uploaded archive becomes present with the first inventory that lists it, and stays if it was present", () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  assert.equal(archives.addUploaded(archiveOfNumber(1)), 1);
  assert.equal(archives.get(idOfNumber(1))?.state, "uploaded");
  archives.addInventory([archiveOfNumber(1)], null);
  assert.equal(archives.addUploaded(archiveOfNumber(1)), 1);
  assert.equal(archives.get(idOfNumber(1))?.state, "present");
});

test("a deleted archive stays deleted in an older inventory, and is present again in a newer one", () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  archives.addInventory([archiveOfNumber(1)], null);
  const at = new Date("2026-01-02T00:00:00.000Z");
  archives.markDeleted([1], at);
  for (const [listedAt, state] of [
    [null, "deleted"],
    [new Date("2026-01-01T00:00:00.000Z"), "deleted"],
    [at, "deleted"],
    [new Date("2026-01-03T00:00:00.000Z"), "present"],
  ] as const) {
    archives.addInventory([archiveOfNumber(1)], listedAt);
    assert.equal(archives.get(idOfNumber(1))?.state, state);
  }
});

test("archives are listed by creation over many pages, also where all dates are equal", async () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const createdAt = new Date("2016-02-03T04:05:06.000Z");
  const listed = numbers(9000).map((number) => archiveOfNumber(number, number % 2 === 0 ? { createdAt } : {}));
  archives.addInventory(listed.toReversed(), null);
  const all = await flat(archives.inOrderOfCreation());
  const expected = listed.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  assert.deepEqual(
    all.map(({ createdAt: at }) => at.getTime()),
    expected.map(({ createdAt: at }) => at.getTime()),
  );
  assert.equal(new Set(all.map(({ archiveId }) => archiveId)).size, 9000);
  const middle = all[5000];
  assert.deepEqual(await flat(archives.inOrderOfCreation({}, middle ?? null)), all.slice(5001));
});

test("filters take archives by size, date, format and state", async () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  archives.addInventory(
    numbers(5000).map((number) => archiveOfNumber(number, number % 3 === 0 ? { format: "mt2" } : {})),
    null,
  );
  archives.markDeleted([7, 4999], new Date("2026-01-02T00:00:00.000Z"));
  const sizes = async (filter: Parameters<typeof archives.inOrderOfCreation>[0]) =>
    (await flat(archives.inOrderOfCreation(filter))).map(({ sizeBytes }) => sizeBytes);
  assert.deepEqual(await sizes({ sizeBytesMin: 5, sizeBytesMax: 8 }), [5, 6, 8]);
  assert.deepEqual(await sizes({ states: ["deleted"] }), [7, 4999]);
  assert.deepEqual(await sizes({ states: ["deleted", "present"], sizeBytesMin: 4999 }), [4999, 5000]);
  const { createdAt: createdFrom } = archiveOfNumber(10);
  const { createdAt: createdBefore } = archiveOfNumber(13);
  assert.deepEqual(await sizes({ createdFrom, createdBefore }), [10, 11, 12]);
  assert.deepEqual(await sizes({ createdFrom, createdBefore, formats: ["mt2", "cloudberry"] }), [12]);
  assert.deepEqual(await sizes({ formats: ["cloudberry"] }), []);
  assert.equal(await archives.count(), 4998);
  assert.equal(await archives.count({ formats: ["mt2"] }), 1666);
});

test("archives are listed by path, and a prefix takes those that begin with it", async () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const paths = ["b/2", "a", "b", "b/10", "b0", "", "b/\u{10ffff}x", "b\u{ffff}", "b/2", "𝄞/x"];
  archives.addInventory(
    paths.map((path, at) => archiveOfNumber(at + 1, { path, description: at % 2 === 0 ? path : `x ${path}` })),
    null,
  );
  const listed = async (prefix?: string) => (await flat(archives.inOrderOfPath({}, prefix))).map(({ path }) => path);
  assert.deepEqual(await listed(), ["", "a", "b", "b/10", "b/2", "b/2", "b/\u{10ffff}x", "b0", "b\u{ffff}", "𝄞/x"]);
  assert.deepEqual(await listed("b/"), ["b/10", "b/2", "b/2", "b/\u{10ffff}x"]);
  assert.deepEqual(await listed("b/\u{10ffff}"), ["b/\u{10ffff}x"]);
  assert.deepEqual(await listed("𝄞"), ["𝄞/x"]);
  assert.deepEqual(await listed("c"), []);
});

test("totals count archives and bytes by powers of two", async () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const sizes = [0, 0, 1, 2, 3, 1023, 1024, 2 ** 45, 2 ** 45 - 1];
  archives.addInventory(
    sizes.map((sizeBytes, at) => archiveOfNumber(at + 1, { sizeBytes })),
    null,
  );
  assert.deepEqual(await archives.totals({ sizeBytesMax: 2 ** 45 }), {
    archives: 9,
    bytes: 2 ** 46 + 2052,
    bySize: [
      { sizeBytesMin: 0, archives: 2, bytes: 0 },
      { sizeBytesMin: 1, archives: 1, bytes: 1 },
      { sizeBytesMin: 2, archives: 2, bytes: 5 },
      { sizeBytesMin: 512, archives: 1, bytes: 1023 },
      { sizeBytesMin: 1024, archives: 1, bytes: 1024 },
      { sizeBytesMin: 2 ** 44, archives: 1, bytes: 2 ** 45 - 1 },
      { sizeBytesMin: 2 ** 45, archives: 1, bytes: 2 ** 45 },
    ],
  });
});

test("an archive is found among others with the same key", () => {
  using opened = temporaryCatalog();
  const { archives, path } = opened.catalog;
  archives.addInventory([archiveOfNumber(1), archiveOfNumber(2)], null);
  {
    using database = new DatabaseSync(path);
    database.exec("UPDATE archives SET id_key = (SELECT id_key FROM archives WHERE number = 2)");
  }
  assert.equal(archives.get(idOfNumber(2))?.number, 2);
});

test("an archive that was just uploaded is the newest of its path, also with a clock that is slow", () => {
  using opened = temporaryCatalog();
  const { archives } = opened.catalog;
  const path = "a/b.txt";
  const of = (minute: number) => ({ path, createdAt: new Date(Date.UTC(2026, 0, 1, 0, minute)) });
  archives.addInventory([archiveOfNumber(1, of(10))], new Date(Date.UTC(2026, 0, 2)));
  archives.addUploaded(archiveOfNumber(2, of(5)));
  archives.addUploaded(archiveOfNumber(3, of(20)));
  const created = (number: number) => archives.get(idOfNumber(number))?.createdAt.getTime() ?? 0;
  assert.ok(created(2) > created(1));
  assert.equal(created(3), of(20).createdAt.getTime());
});
