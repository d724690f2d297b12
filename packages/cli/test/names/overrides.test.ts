import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { csvRows } from "../../src/names/csv-rows.ts";
import type { NameOverride } from "../../src/names/name-override.ts";
import { readOverrides } from "../../src/names/overrides.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-names-"));
});
after(() => rm(folder, { recursive: true }));

async function read(content: string | Uint8Array): Promise<readonly NameOverride[]> {
  const file = join(folder, "names.csv");
  await writeFile(file, content);
  return all(readOverrides(file));
}

async function all<T>(values: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const value of values) {
    found.push(value);
  }
  return found;
}

const pairs = (rows: readonly NameOverride[]) => rows.map(({ archiveId, path }) => [archiveId, path]);

test("reads ids and paths, with quotes, any ends of lines, empty lines and a byte order mark", async () => {
  const rows = await read(
    '\ufeff-Id_1,a.txt\r\n\r\nid2,"b, ""c"".txt"\rid3,say "hi".txt\n\n"id4","two\nlines"\nid5,last',
  );
  assert.deepEqual(pairs(rows), [
    ["-Id_1", "a.txt"],
    ["id2", 'b, "c".txt'],
    ["id3", 'say "hi".txt'],
    ["id4", "two\nlines"],
    ["id5", "last"],
  ]);
  assert.ok(rows.every(({ format }) => format === "names-file"));
});

test("takes a backslash for a separator, as programs of Windows write it", async () => {
  assert.deepEqual(pairs(await read("id1,photos\\2014\\a.jpg\n")), [["id1", "photos/2014/a.jpg"]]);
});

test("reads more rows than one may have characters", async () => {
  const rows = await read("id1,some path\n".repeat(10_000));
  assert.equal(rows.length, 10_000);
});

test("skips a header, and finds columns by it", async () => {
  assert.deepEqual(pairs(await read("Archive ID,Path\nid1,a\n")), [["id1", "a"]]);
  assert.deepEqual(pairs(await read("size,path,note,ARCHIVE_ID\n5,a,,id1\n")), [["id1", "a"]]);
  assert.deepEqual(pairs(await read("id,path\n")), []);
  assert.deepEqual(pairs(await read("")), []);
});

const faults: ReadonlyArray<readonly [name: string, content: string | Uint8Array, message: RegExp]> = [
  ["one field", "id1,a\nid2\n", /names\.csv, line 2: 1 fields, expected 2, an archive id and a path; quote a field/],
  ["a comma that is not quoted", "id1,a,b\n", /line 1: 3 fields, expected 2/],
  [
    "fewer fields than the header",
    "id,path,size\nid1,a\n",
    /line 2: 2 fields, expected 3, as many as the first line has/,
  ],
  ["a fault after a path of two lines", 'id1,"a\nb"\nid2\n', /line 3: 1 fields/],
  ["no id", "id1,a\n,b\n", /line 2: "" is not an archive id/],
  ["the path first", "my file.txt,id1\n", /line 1: "my file\.txt" is not an archive id: .*expected the id first/],
  ["an empty path", 'id1,a\n\nid2,""\n', /line 3: archive id2 has an empty path/],
  ["a quote that is not closed", 'id1,a\nid2,"b\nid3,c\n', /line 2: a quote is not closed/],
  ["text after a quote", 'id1,a\r\nid2,"b"c\r\n', /line 2: text after a closing quote/],
  ["another encoding", Buffer.from("id1,a\nid2,\xe9\n", "latin1"), /line \d or later: not UTF-8/],
  ["UTF-8 that is cut off", Buffer.from("id1,é").subarray(0, -1), /not UTF-8/],
  ["an endless field", `id1,"${"x".repeat(70_000)}"\n`, /line 1: longer than 65536 characters/],
  ["an endless row", `id1${",".repeat(70_000)}\n`, /line 1: longer than 65536 characters/],
  [
    "no database",
    "SQLite format 3\0",
    /Cannot read names from .*names\.csv: .*expected the database of a _mapping vault/,
  ],
];

for (const [name, content, message] of faults) {
  test(`reports ${name} with its line`, async () => {
    await assert.rejects(read(content), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return error.name === "UsageError";
    });
  });
}

test("reports a file that cannot be read", async () => {
  for (const file of [join(folder, "missing.csv"), folder]) {
    await assert.rejects(all(readOverrides(file)), /^UsageError: Cannot read names from .*(ENOENT|EISDIR)/);
  }
});

test("reads rows before a fault", async () => {
  const seen: string[] = [];
  const file = join(folder, "half.csv");
  await writeFile(file, "id1,a\nid2,b\nid3\n");
  await assert.rejects(async () => {
    for await (const { archiveId } of readOverrides(file)) {
      seen.push(archiveId);
    }
  });
  assert.deepEqual(seen, ["id1", "id2"]);
});

test("reads back any rows, however they are cut into pieces", async () => {
  const field = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "a", "é") }),
  );
  const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 3 }));
  await fc.assert(
    fc.asyncProperty(
      rows,
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom("\n", "\r\n", "\r"),
      async (table, size, end) => {
        const quoted = table.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(",") + end);
        const bytes = Buffer.from(quoted.join(""));
        const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        const read = await all(csvRows(piecesOf(cut)));
        assert.deepEqual(
          read.map(({ fields }) => fields),
          table.map((row) => row.map((value) => value.toWellFormed())),
        );
      },
    ),
  );
});

async function* piecesOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

test("reads the database of Synology's Glacier Backup", async () => {
  const file = join(folder, "mapping.sqlite");
  using database = new DatabaseSync(file);
  database.exec("create table backup_info_tb (key text, value text)");
  database.exec(
    "create table file_info_tb (key integer primary key, shareName text, basePath text, archiveID text, fileSize integer)",
  );
  const insert = database.prepare(
    "insert into file_info_tb (shareName, basePath, archiveID, fileSize) values (?, ?, ?, 5)",
  );
  insert.run("photo", "2014/a.jpg", "id1");
  insert.run("photo", "photo/2014/b.jpg", "id2");
  insert.run("photo", "/c.jpg", "id1");
  insert.run("", "d.jpg", "id3");
  insert.run("photo", "", "id4");
  insert.run("photo", "e.jpg", null);
  assert.deepEqual(await all(readOverrides(file)), [
    { archiveId: "id1", path: "photo/2014/a.jpg", format: "synology" },
    { archiveId: "id2", path: "photo/2014/b.jpg", format: "synology" },
    { archiveId: "id1", path: "photo/c.jpg", format: "synology" },
    { archiveId: "id3", path: "d.jpg", format: "synology" },
  ]);
});

test("reports a database that is none of Synology's", async () => {
  const file = join(folder, "other.sqlite");
  using database = new DatabaseSync(file);
  database.exec("create table other (a)");
  await assert.rejects(all(readOverrides(file)), /no such table: file_info_tb; expected the database/);
});
