import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ArchiveId,
  type InventoryFormat,
  type InventoryItem,
  inventoryWriters,
  type TreeHash,
} from "@moraine/protocol";
import fc from "fast-check";
import { type InvalidEntry, InventoryReader } from "../../src/transfers/inventory/inventory-reader.ts";

const arn = "arn:aws:glacier:us-west-2:012345678901:vaults/examplevault";
const inventoryDate = new Date("2015-04-07T00:26:18Z");

const description = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 40 }),
  fc.string({ unit: fc.constantFrom('"', "\\", ",", " ", "a", "{", "}", "]", "["), maxLength: 12 }),
);
const item: fc.Arbitrary<InventoryItem> = fc.record(
  {
    archiveId: fc.stringMatching(/^[A-Za-z0-9_-]{138}$/).map((id) => id as ArchiveId),
    archiveDescription: description,
    creationDate: fc.integer({ min: 1_300_000_000, max: 2_000_000_000 }).map((seconds) => new Date(seconds * 1000)),
    sizeBytes: fc.integer({ min: 1, max: 42_949_672_960_000 }),
    treeHash: fc.stringMatching(/^[0-9a-f]{64}$/).map((hash) => hash as TreeHash),
  },
  { noNullPrototype: true },
);

function written(format: InventoryFormat, items: readonly InventoryItem[]): string {
  const { head, item, tail } = inventoryWriters[format];
  return head(arn, inventoryDate) + items.map((each, index) => item(each, index === 0)).join("") + tail();
}

/** Cuts the text into random pieces. */
async function* pieces(text: string, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  let start = 0;
  for (let turn = 0; start < bytes.length; turn += 1) {
    const end = start + (lengths[turn % lengths.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function read(
  text: string,
  lengths: readonly number[] = [7],
): Promise<{ reader: InventoryReader; items: InventoryItem[] }> {
  const reader = new InventoryReader(pieces(text, lengths));
  const items: InventoryItem[] = [];
  for await (const batch of reader) {
    items.push(...batch);
  }
  return { reader, items };
}

const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });

for (const format of ["JSON", "CSV"] as const) {
  test(`inventories of the service in ${format} are read back unchanged, whatever the descriptions and wherever pieces end`, async () => {
    const property = fc.asyncProperty(fc.array(item, { maxLength: 8 }), lengths, async (items, cuts) => {
      const result = await read(written(format, items), cuts);
      assert.deepEqual(result.items, items);
      assert.equal(result.reader.format, format);
    });
    await fc.assert(property, { numRuns: 300 });
  });
}

test("an inventory in JSON that is cut anywhere is refused", async () => {
  const property = fc.asyncProperty(
    fc.array(item, { maxLength: 3 }),
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    async (items, part) => {
      const text = written("JSON", items);
      await assert.rejects(read(text.slice(0, Math.floor(text.length * part))), { name: "InventoryFormatError" });
    },
  );
  await fc.assert(property);
});

test("a CSV that ends within a line is refused", async () => {
  const text = written("CSV", fc.sample(item, 3));
  for (const cut of [2, 10, 60, 70, 100]) {
    await assert.rejects(read(text.slice(0, -cut)), { name: "InventoryFormatError" }, String(cut));
  }
});

const entry = {
  ArchiveId: "x".repeat(138),
  ArchiveDescription: 'a } " \\',
  CreationDate: "2015-04-06T22:24:34.123Z",
  Size: 7,
  SHA256TreeHash: "A".repeat(64),
};

test("white space, additional fields and another order of fields are accepted", async () => {
  const list = [entry, { ...entry, Size: 8 }];
  const text = JSON.stringify(
    { Extra: [1, "ArchiveList", { a: "]" }], ArchiveList: list, InventoryDate: "2015-04-07T00:26:18Z", VaultARN: arn },
    null,
    2,
  );
  const { reader, items } = await read(`${text}\n`);
  assert.deepEqual(
    items.map(({ sizeBytes }) => sizeBytes),
    [7, 8],
  );
  assert.equal(items[0]?.treeHash, "a".repeat(64));
  assert.equal(items[0]?.archiveDescription, entry.ArchiveDescription);
  assert.equal(reader.vaultArn, arn);
  assert.deepEqual(reader.inventoryDate, inventoryDate);
});

test("the guide's own examples of quoting are read: comma, quotation mark, and a backslash before one", async () => {
  const tail = `,2015-04-06T22:24:34Z,3145728,${"9".repeat(64)}`;
  const text = [
    "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash",
    `id,"my archive description,1"${tail}`,
    String.raw`id,"my archive description,1\"2"${tail}`,
    String.raw`id,"my archive description,1\\"2"${tail}`,
    String.raw`id,"ends with a backslash\"${tail}`,
    `id," "${tail}`,
    `id,${tail}`,
  ].join("\r\n");
  const { items } = await read(text);
  assert.deepEqual(
    items.map(({ archiveDescription }) => archiveDescription),
    [
      "my archive description,1",
      'my archive description,1"2',
      String.raw`my archive description,1\"2`,
      "ends with a backslash\\",
      " ",
      "",
    ],
  );
});

test("a CSV that a spreadsheet has saved again keeps its quotation marks and backslashes", async () => {
  const tail = `,2015-04-06T22:24:34Z,3145728,${"9".repeat(64)}`;
  const text = [
    "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash",
    String.raw`id,"{""Path"":""C:\photos""}"${tail}`,
    `id,"""quoted"", and not"${tail}`,
  ].join("\r\n");
  const { items } = await read(text);
  assert.deepEqual(
    items.map(({ archiveDescription }) => archiveDescription),
    [String.raw`{"Path":"C:\photos"}`, '"quoted", and not'],
  );
});

test("columns of a CSV are identified by their names", async () => {
  const text = `Size,"SHA256TreeHash",ArchiveId,CreationDate,ArchiveDescription\n5,${"b".repeat(64)},id,2015-04-06T22:24:34Z,"a,b"\n`;
  const { items } = await read(text);
  assert.equal(items[0]?.archiveDescription, "a,b");
  assert.equal(items[0]?.sizeBytes, 5);
});

test("text that is not an inventory is refused with an excerpt", async () => {
  for (const text of [
    "",
    "{}",
    '{"ArchiveList":[{}]}',
    '{"ArchiveList":{}}',
    "<html>",
    '{"ArchiveList":[]}x',
    "{]",
    '{"ArchiveList":[1]}',
  ]) {
    await assert.rejects(read(text), { name: "InventoryFormatError" }, text);
  }
});

/** Reads a document and leaves invalid entries out. */
async function readTolerantly(bytes: Uint8Array): Promise<{ items: InventoryItem[]; invalid: InvalidEntry[] }> {
  const invalid: InvalidEntry[] = [];
  const items: InventoryItem[] = [];
  const cut = async function* () {
    for (let start = 0; start < bytes.length; start += 97) {
      yield bytes.subarray(start, start + 97);
    }
  };
  for await (const batch of new InventoryReader(cut(), { onInvalid: (entry) => invalid.push(entry) })) {
    items.push(...batch);
  }
  return { items, invalid };
}

test("a reader with onInvalid reports invalid entries of JSON, and leaves them out", async () => {
  const good = (size: number) => JSON.stringify({ ...entry, Size: size });
  const entries = [
    good(1),
    JSON.stringify({ ...entry, ArchiveId: 5 }),
    "null",
    good(2),
    JSON.stringify({ ...entry, SHA256TreeHash: "no hash" }),
    JSON.stringify({ ...entry, CreationDate: "yesterday" }),
    ...[-1, 0.5, 1e300].map((size) => good(size)),
    good(3).replace("2015", "2015\n"),
    `{"ArchiveId":nothing}`,
    good(4),
  ];
  const { items, invalid } = await readTolerantly(
    Buffer.from(`{"VaultARN":"x","ArchiveList":[${entries.join(" ,\n")}]}`),
  );
  assert.deepEqual(
    items.map(({ sizeBytes }) => sizeBytes),
    [1, 2, 3, 4].filter((size) => size !== 3),
  );
  assert.equal(invalid.length, 9);
  assert.match(invalid[0]?.text ?? "", /^\{"ArchiveId":5,/);
  assert.ok(invalid.every(({ text, reason }) => text.length <= 500 && reason.length > 10));
  await assert.rejects(read(`{"ArchiveList":[${entries.join()}]}`), { name: "InventoryFormatError" });
});

test("a reader with onInvalid reports invalid lines of CSV, and leaves them out", async () => {
  const tail = `2015-04-06T22:24:34Z,3,${"9".repeat(64)}`;
  const lines = [
    "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash",
    `a,"x",${tail}`,
    "b",
    `c,y,${tail}0`,
    `d,z,${tail}`,
  ];
  const { items, invalid } = await readTolerantly(Buffer.from(lines.join("\n")));
  assert.deepEqual(
    items.map(({ archiveId }) => archiveId),
    ["a", "d"],
  );
  assert.deepEqual(
    invalid.map(({ text }) => text.slice(0, 1)),
    ["b", "{"],
  );
});

test("a reader with onInvalid replaces bytes that are not UTF-8, and refuses a document that is cut off", async () => {
  const document = Buffer.from(JSON.stringify({ ArchiveList: [{ ...entry, ArchiveDescription: "a?b" }, entry] }));
  document[document.indexOf("?")] = 0xff;
  const { items, invalid } = await readTolerantly(document);
  assert.equal(items[0]?.archiveDescription, "a\ufffdb");
  assert.equal(items.length, 2);
  assert.deepEqual(invalid, []);
  await assert.rejects(readTolerantly(document.subarray(0, -2)), { name: "InventoryFormatError" });
  await assert.rejects(readTolerantly(Buffer.from("what else\n")), { name: "InventoryFormatError" });
});
