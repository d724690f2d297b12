import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { isQuarantined, quarantine } from "../../src/storage/history/quarantine.ts";

const [kept, missing, other] = [
  "ab/cd/owner.AAAAAAAAAAAAAAAA",
  "ab/cd/owner.BBBBBBBBBBBBBBBB",
  "ab/cd/owner.CCCCCCCCCCCCCCCC",
];

test("objects of a bucket are kept by empty files of their names, twice as well as once", async () => {
  await using folder = await temporaryFolder();
  const binding = { id: "0", place: "s3://bucket/archives", isBound: true };
  await writeFile(join(folder.path, "blobs.json"), JSON.stringify(binding));
  assert.equal(quarantine(folder.path, [kept, missing]), 2);
  assert.equal(quarantine(folder.path, [kept]), 1);
  assert.deepEqual(
    [kept, missing, other].map((key) => isQuarantined(folder.path, key)),
    [true, true, false],
  );
});

test("files are kept by a second name, and one that is missing is not", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "blobs/ab/cd"), { recursive: true });
  await writeFile(join(folder.path, "blobs", kept), "bytes");
  assert.equal(quarantine(folder.path, [kept, missing]), 1);
  assert.deepEqual(await readdir(join(folder.path, "quarantine")), ["owner.AAAAAAAAAAAAAAAA"]);
});
