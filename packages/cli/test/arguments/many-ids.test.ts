import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { ManyIds } from "../../src/arguments/many-ids.ts";
import { flat } from "../support/catalogs.ts";

const idOf = (number: number) => `id-${String(number).padStart(6, "0")}`;

test("ids are read in groups: while one is worked on, the rest of a pipe is not in memory", async () => {
  let written = 0;
  const pieces = function* () {
    for (; written < 100_000; written += 1000) {
      yield Buffer.from(Array.from({ length: 1000 }, (_, at) => `${idOf(written + at)}\n`).join(""));
    }
  };
  const stdin = () => Readable.from(pieces()) as unknown as NodeJS.ReadStream;
  const ids = await ManyIds.of({ stdin, pathOf: (name) => name }, ["-"]);
  assert.equal(await ids.single(), null);
  const sizes: number[] = [];
  for await (const group of ids.groups(10_000)) {
    sizes.push(group.length);
    const readSoFar = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(written < readSoFar + 25_000, `${written} ids were read for ${readSoFar}`);
  }
  assert.deepEqual(sizes, Array(10).fill(10_000));
});

test("an id that is named repeatedly is in a group once", async () => {
  const tools = { stdin: () => assert.fail("standard input is not named"), pathOf: (name: string) => name };
  const ids = await ManyIds.of(tools, ["a", "b", "a"]);
  assert.deepEqual(await flat(ids.groups(10)), ["a", "b"]);
});

test("a list that changes after it was counted is an error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "moraine-ids-"));
  try {
    const path = join(folder, "ids");
    await writeFile(path, "one\ntwo\n");
    const tools = { stdin: () => assert.fail("standard input is not named"), pathOf: (name: string) => name };
    const ids = await ManyIds.of(tools, [`@${path}`]);
    assert.equal(await ids.count(), 2);
    await writeFile(path, "one\n");
    await flat(ids.batches());
    assert.throws(() => ids.assertAllRead(), {
      message: /ids had 2 ids at first, then 1: run the same command again$/,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
