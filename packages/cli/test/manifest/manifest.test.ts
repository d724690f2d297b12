import assert from "node:assert/strict";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { entryOf, lineOf, type ManifestEntry } from "../../src/manifest/manifest-entry.ts";
import { readManifest } from "../../src/manifest/manifest-reader.ts";
import { ManifestWriter } from "../../src/manifest/manifest-writer.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { entryFor, piecesOf } from "../support/manifest-entries.ts";

const bytes = Buffer.from("content");

async function all(pieces: AsyncIterable<Uint8Array>, onInvalid?: (line: number, reason: string) => void) {
  const entries: ManifestEntry[] = [];
  for await (const batch of readManifest(pieces, { onInvalid })) {
    entries.push(...batch);
  }
  return entries;
}

test("each entry is one line, and is read as it was, whatever its strings have", () => {
  const anyText = fc.string({ unit: "binary" });
  const entries = fc.record({
    archiveId: anyText,
    path: anyText,
    location: anyText,
    description: anyText,
    sizeBytes: fc.maxSafeNat(),
    sha256: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/)),
    modifiedAt: fc.option(fc.date({ noInvalidDate: true })),
  });
  fc.assert(
    fc.property(entries, (given) => {
      const entry = entryFor("path", bytes, given);
      const line = lineOf(entry);
      assert.match(line, /^[^\n]+\n$/);
      assert.deepEqual(entryOf(line.slice(0, -1)), entry);
    }),
  );
});

test("a manifest is read in pieces of any size, with characters cut by them", async () => {
  const entries = Array.from({ length: 1100 }, (_, index) => entryFor(`fotos/Ärger ${index}.txt`, bytes));
  const text = Buffer.from(entries.map(lineOf).join(""));
  for (const size of [7, 4096, text.length]) {
    async function* pieces() {
      for (let start = 0; start < text.length; start += size) {
        yield text.subarray(start, start + size);
      }
    }
    assert.deepEqual(await all(pieces()), entries, `pieces of ${size} bytes`);
  }
});

test("a last line that is cut short is left out; any other line that is no entry is reported by its number", async () => {
  const line = lineOf(entryFor("a", bytes));
  assert.equal((await all(piecesOf(line, line.slice(0, 40)))).length, 1);
  const invalid = [
    ["{", "is not JSON"],
    ["[]", "is not a JSON object"],
    [line.replace('"archiveId"', '"archive"').trim(), "has no archiveId"],
    [line.replace('"bytes":7', '"bytes":-7').trim(), "has no number of bytes"],
    [line.replace(/"treeHash":"../, '"treeHash":"').trim(), "has a treeHash that is not 64 hexadecimal digits"],
    [line.replace("2019-03-01T", "2019-33-01T").trim(), "has an invalid date in createdAt"],
  ] as const;
  for (const [text, reason] of invalid) {
    await assert.rejects(all(piecesOf(line, text, "\n")), {
      name: "ManifestError",
      message: `Line 2 of the manifest ${reason}: restore the manifest from a copy, or remove the line`,
    });
  }
  const reported: string[] = [];
  const kept = await all(piecesOf("{\n", line, "x\n"), (number, reason) => reported.push(`${number} ${reason}`));
  assert.deepEqual([kept.length, reported], [1, ["1 is not JSON", "3 is not JSON"]]);
});

test("a file without line breaks is refused before it fills the memory", async () => {
  async function* endless() {
    for (;;) {
      yield Buffer.alloc(100_000, "x");
    }
  }
  await assert.rejects(all(endless()), { name: "ManifestError" });
});

test("entries are durable when their append resolves, and a line that a kill has cut is replaced", async () => {
  await using folder = await temporaryFolder(memoryFolder);
  const path = join(folder.path, "MANIFEST.jsonl");
  {
    await using target = await FolderTarget.open(folder.path, { create: true });
    const writer = new ManifestWriter(target);
    await Promise.all(["a", "b", "c"].map((name) => writer.append(entryFor(name, bytes))));
  }
  await appendFile(path, lineOf(entryFor("torn", bytes)).slice(0, 50));
  await using target = await FolderTarget.open(folder.path, { create: true });
  const writer = new ManifestWriter(target);
  await writer.append(entryFor("torn", bytes));
  assert.deepEqual(
    (await all(piecesOf(await readFile(path, "utf8")))).map(({ path: name }) => name),
    ["a", "b", "c", "torn"],
  );
});

/** Documents that keep what is appended, and do something first. */
function watched(before: () => Promise<void>) {
  const appended: string[] = [];
  const documents = {
    async append(_: string, text: string) {
      await before();
      appended.push(text);
      return text.length;
    },
    write: async () => undefined,
    read: async () => null,
  };
  return { appended, documents };
}

test("entries that arrive during an append are appended together, in their order", async () => {
  const first = Promise.withResolvers<void>();
  const { appended, documents } = watched(() => first.promise);
  const recorded: string[][] = [];
  const writer = new ManifestWriter({ documents, recorded: async (ids) => void recorded.push([...ids]) });
  const names = ["a", "b", "c", "d"];
  const writing = [writer.append(entryFor("first", bytes))];
  await new Promise(setImmediate);
  writing.push(...names.map((name) => writer.append(entryFor(name, bytes))));
  first.resolve();
  await Promise.all(writing);
  const groups = [["first"], names];
  assert.deepEqual(
    appended,
    groups.map((group) => group.map((name) => lineOf(entryFor(name, bytes))).join("")),
  );
  assert.deepEqual(
    recorded,
    groups.map((group) => group.map((name) => `id of ${name}`)),
  );
});

test("a failed append rejects the entries of its group alone", async () => {
  let isFull = true;
  const { appended, documents } = watched(async () => {
    if (isFull) {
      throw new Error("no room");
    }
  });
  const writer = new ManifestWriter({ documents });
  const results = await Promise.allSettled(["a", "b"].map((name) => writer.append(entryFor(name, bytes))));
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  isFull = false;
  await writer.append(entryFor("a", bytes));
  assert.deepEqual(appended, [lineOf(entryFor("a", bytes))]);
});

test("entries that are appended one after another are each written", async () => {
  let written = "";
  const append = async (_name: string, lines: string) => {
    written += lines;
    return written.length;
  };
  const writer = new ManifestWriter({ documents: { append } });
  for (const name of ["a", "b", "c"]) {
    await writer.append(entryFor(name, Buffer.from(name)));
  }
  assert.equal(written.trimEnd().split("\n").length, 3);
});
