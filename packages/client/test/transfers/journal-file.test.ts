import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { JournalFile, parseRecords } from "../../src/transfers/journal/journal-file.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-journal-"));
});
after(() => rm(folder, { recursive: true }));

const head = { format: "moraine test 1" };

async function recordsOf(path: string): Promise<unknown[]> {
  const { journal, records } = await JournalFile.open(path);
  await journal.close();
  return records;
}

const record = fc.dictionary(fc.string({ maxLength: 5 }), fc.oneof(fc.integer(), fc.string()), {
  noNullPrototype: true,
});

test("a journal that is cut anywhere has exactly the records that are complete before the cut", () => {
  const property = fc.property(fc.array(record, { maxLength: 6 }), fc.nat(), (records, cut) => {
    const lines = records.map((each) => `${JSON.stringify(each)}\n`);
    const bytes = Buffer.from(lines.join(""));
    const length = cut % (bytes.length + 1);
    let whole = 0;
    let end = 0;
    for (const line of lines) {
      end += Buffer.byteLength(line);
      whole += end <= length ? 1 : 0;
    }
    assert.deepEqual(
      parseRecords(bytes.subarray(0, length)).records,
      JSON.parse(JSON.stringify(records.slice(0, whole))),
    );
  });
  fc.assert(property, { numRuns: 1000 });
});

test("an incomplete line is cut away, so that the next record does not join it", async () => {
  const path = join(folder, "torn");
  const first = await JournalFile.open(path);
  await first.journal.append(head, { one: 1 }, { two: 2 });
  await first.journal.sync();
  await first.journal.close();
  await truncate(path, (await readFile(path)).length - 3);

  const second = await JournalFile.open(path);
  assert.deepEqual(second.records, [head, { one: 1 }]);
  await second.journal.append({ three: 3 });
  await second.journal.close();

  assert.deepEqual(await recordsOf(path), [head, { one: 1 }, { three: 3 }]);
});

test("records after an invalid line are ignored: a power cut may have left zeros", async () => {
  const path = join(folder, "zeros");
  await writeFile(path, `${JSON.stringify(head)}\n{"one":1}\n`);
  await appendFile(path, Buffer.alloc(20));
  await appendFile(path, '\n{"two":2}\n');
  assert.deepEqual(await recordsOf(path), [head, { one: 1 }]);
});

test("a file that is not a journal is refused and kept unchanged", async () => {
  const path = join(folder, "other");
  for (const text of ["notes", '{"one":1}\n{"two', '{"format":"other 1"}\n{"two', "\n"]) {
    await writeFile(path, text);
    await assert.rejects(JournalFile.open(path), { message: `${path} is not a journal: it does not begin like one` });
    assert.equal(await readFile(path, "utf8"), text);
  }
});

test("a journal whose first line is incomplete, or zeros after a power cut, counts as none", async () => {
  const path = join(folder, "torn-head");
  for (const start of ["{", '{"format":"mor', '{"format":"moraine test 1","va', "\0\0\0"]) {
    await writeFile(path, start);
    assert.deepEqual(await recordsOf(path), []);
    assert.equal(await readFile(path, "utf8"), "");
  }
});
