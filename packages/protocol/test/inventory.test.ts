import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ArchiveId,
  formatMilliseconds,
  formatSeconds,
  type InventoryFormat,
  type InventoryItem,
  inventoryContentType,
  inventoryWriters,
  type TreeHash,
} from "@moraine/protocol";
import fc from "fast-check";

const vaultArn = "arn:aws:glacier:us-west-2:012345678901:vaults/examplevault";
const inventoryDate = new Date("2015-04-07T00:26:18.999Z");
const archiveId = `-${"kKB7".repeat(34)}_` as ArchiveId;
const treeHash = "9628195fcdbcbbe76cdde932d4646fa7de5f219fb39823836d81f0cc0e18aa67" as TreeHash;

test("a JSON inventory is one compact line in AWS's order of fields", () => {
  assert.equal(
    document("JSON", [item("")]),
    `{"VaultARN":"${vaultArn}","InventoryDate":"2015-04-07T00:26:18Z","ArchiveList":[{"ArchiveId":"${archiveId}",` +
      `"ArchiveDescription":"","CreationDate":"2015-04-06T22:24:34Z","Size":3145728,"SHA256TreeHash":"${treeHash}"}]}`,
  );
});

test("a JSON inventory without archives has an empty list", () => {
  assert.equal(
    document("JSON", []),
    `{"VaultARN":"${vaultArn}","InventoryDate":"2015-04-07T00:26:18Z","ArchiveList":[]}`,
  );
});

test("a CSV inventory without archives is its header", () => {
  assert.equal(document("CSV", []), "ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n");
});

test("a CSV inventory has a line for each archive, the last one ended too", () => {
  const line = `${archiveId},my archive,2015-04-06T22:24:34Z,3145728,${treeHash}\n`;
  assert.equal(
    document("CSV", [item("my archive"), item("my archive")]),
    `ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n${line}${line}`,
  );
});

const fields: [description: string, field: string][] = [
  ["", ""],
  ["my archive description", "my archive description"],
  ["my archive description,1", '"my archive description,1"'],
  ['my archive description,1"2', '"my archive description,1\\"2"'],
  ['my archive description,1\\"2', '"my archive description,1\\\\"2"'],
  ['"', '"\\""'],
  ["a\\b", '"a\\b"'],
  ["ends with \\", '"ends with \\"'],
  [" ", '" "'],
  ["   ", '"   "'],
  [" a ", " a "],
  ["'a'", "'a'"],
];

for (const [description, field] of fields) {
  test(`the description ${JSON.stringify(description)} is the CSV field ${field || "of nothing"}`, () => {
    const [, line] = document("CSV", [item(description)]).split("\n");
    assert.equal(line, `${archiveId},${field},2015-04-06T22:24:34Z,3145728,${treeHash}`);
  });
}

test("a JSON inventory reads back as what was written, whatever the descriptions", () => {
  const description = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(
    fc.property(fc.array(description), (descriptions) => {
      const parsed = JSON.parse(document("JSON", descriptions.map(item))) as {
        ArchiveList: { ArchiveDescription: string }[];
      };
      assert.deepEqual(
        parsed.ArchiveList.map((archive) => archive.ArchiveDescription),
        descriptions,
      );
    }),
  );
});

test("every size up to the greatest is written in digits", () => {
  const text = document("CSV", [{ ...item(""), sizeBytes: 42_949_672_960_000 }]);
  assert.match(text, /,42949672960000,/);
});

test("each format has its bare media type", () => {
  assert.deepEqual(inventoryContentType, { JSON: "application/json", CSV: "text/csv" });
});

test("dates are cut to seconds in inventories and keep milliseconds elsewhere", () => {
  const date = new Date("2012-03-20T17:03:43.999Z");
  assert.equal(formatSeconds(date), "2012-03-20T17:03:43Z");
  assert.equal(formatMilliseconds(date), "2012-03-20T17:03:43.999Z");
  assert.equal(formatMilliseconds(new Date("2017-02-28T14:26:33Z")), "2017-02-28T14:26:33.000Z");
});

function item(archiveDescription: string): InventoryItem {
  const creationDate = new Date("2015-04-06T22:24:34.567Z");
  return { archiveId, archiveDescription, creationDate, sizeBytes: 3_145_728, treeHash };
}

function document(format: InventoryFormat, items: readonly InventoryItem[]): string {
  const writer = inventoryWriters[format];
  const body = items.map((each, index) => writer.item(each, index === 0));
  return [writer.head(vaultArn, inventoryDate), ...body, writer.tail()].join("");
}
