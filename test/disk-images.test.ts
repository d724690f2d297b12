import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type PowerCut, powerCuts } from "./rigs/recorded-disk/cuts.ts";
import { DiskImages } from "./rigs/recorded-disk/disk-images.ts";
import { appendEntry, appendFlush, type DiskEntry, readEntries } from "./rigs/recorded-disk/disk-log.ts";
import { Random } from "./support/random.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Disks of five blocks, of which only the first byte of each half is looked at.

const halfBytes = 2048;
const halves = 10;

/** The log of two disks: `a` is flushed on the first, and `d` on the second, after which `b` and `c` overlap on the first. */
async function logIn(folder: string): Promise<{ log: number; entries: readonly DiskEntry[] }> {
  const log = openSync(join(folder, "log"), "a+");
  const write = (disk: number, half: number, count: number, letter: string) =>
    appendEntry(log, disk, half * halfBytes, Buffer.alloc(count * halfBytes, letter));
  write(0, 0, 4, "a");
  appendFlush(log, 0);
  write(1, 0, 2, "d");
  appendFlush(log, 1);
  write(0, 1, 5, "b");
  write(0, 4, 4, "c");
  return { log, entries: readEntries(log) };
}

/** Returns what disks hold after a cut, as a letter for each half of a block: of this many draws. */
async function disksAfter(cut: PowerCut, draws: number): Promise<string[][]> {
  await using folder = await temporaryFolder();
  const { log, entries } = await logIn(folder.path);
  const durable = ["0.img", "1.img"].map((name) => join(folder.path, name));
  await Promise.all(durable.map((path) => writeFile(path, Buffer.alloc(halves * halfBytes, "-"))));
  const disks = new DiskImages(log, entries, durable, new Random(1));
  const found: string[][] = [];
  for (let draw = 0; draw < draws; draw += 1) {
    found.push(await Promise.all((await disks.make(cut)).map(lettersOf)));
  }
  return found;
}

async function lettersOf(image: string): Promise<string> {
  const bytes = await readFile(image, "latin1");
  return Array.from({ length: halves }, (_, half) => bytes[half * halfBytes]).join("");
}

const end = Number.POSITIVE_INFINITY;

test("a disk keeps what was flushed, and of later writes nothing or everything", async () => {
  assert.deepEqual(await disksAfter({ at: end, survival: "nothing" }, 1), [["aaaa------", "dd--------"]]);
  assert.deepEqual(await disksAfter({ at: end, survival: "everything" }, 1), [["abbbcccc--", "dd--------"]]);
});

test("a cut before a flush finds what was written to that disk before it unflushed", async () => {
  await using folder = await temporaryFolder();
  const { entries } = await logIn(folder.path);
  const [first, second] = entries.filter(({ kind }) => kind === "flush").map(({ beginsAt }) => beginsAt);
  assert.deepEqual(await disksAfter({ at: first ?? 0, survival: "nothing" }, 1), [["----------", "----------"]]);
  assert.deepEqual(await disksAfter({ at: second ?? 0, survival: "nothing" }, 1), [["aaaa------", "----------"]]);
  assert.deepEqual(await disksAfter({ at: second ?? 0, survival: "everything" }, 1), [["aaaa------", "dd--------"]]);
});

test("some writes survive as wholes, in their order", async () => {
  const found = (await disksAfter({ at: end, survival: "some writes" }, 40)).map(([first]) => first);
  assert.deepEqual(new Set(found), new Set(["aaaa------", "abbbbb----", "aaaacccc--", "abbbcccc--"]));
});

test("some blocks survive, torn at the borders of the disk's blocks alone", async () => {
  const found = (await disksAfter({ at: end, survival: "some blocks" }, 60)).map(([first = ""]) => first);
  const blocksAt = (half: number) => new Set(found.map((letters) => letters.slice(half, half + 2)));
  assert.deepEqual(
    [0, 2, 4, 6, 8].map(blocksAt),
    [["ab", "aa"], ["bb", "aa"], ["cc", "bb", "--"], ["cc", "--"], ["--"]].map((blocks) => new Set(blocks)),
  );
  assert.ok(new Set(found).size > 12);
});

test("cuts are before each flush, after each response and at the end, from the calls of interest on", async () => {
  await using folder = await temporaryFolder();
  const { entries } = await logIn(folder.path);
  const [first, second] = entries.filter(({ kind }) => kind === "flush").map(({ beginsAt }) => beginsAt);
  const to = entries.at(-1)?.endsAt ?? 0;
  const response = to - 1;
  const recording = { interrupted: { from: first ?? 0, to }, responses: [response] };
  const cuts = powerCuts(recording, entries, { count: 100, random: new Random(1) });
  assert.deepEqual([...new Set(cuts.map(({ at }) => at))], [second, response, to]);
  assert.equal(cuts.length, 12);
  assert.equal(powerCuts(recording, entries, { count: 5, random: new Random(1) }).length, 5);
});
