import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { flipBit } from "../packages/server/test/support/flip-bit.ts";
import { repair } from "./support/repair.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { ids } from "./support/verify/filled-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn, stateOf } from "./support/verify/look.ts";

// Files in the quarantine that prove sound: they get back to where a segment lacks them.

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

async function copied(place: string): Promise<{ path: string; file: string; quarantine: string }> {
  const path = join(place, "data");
  await copyOf(folders.stopped, path);
  const quarantine = join(path, "quarantine");
  await mkdir(quarantine, { mode: 0o700 });
  return { path, file: await fileOf(path, ids.single), quarantine };
}

test("a sound file gets back to its place, when that is empty", async () => {
  await using place = await temporaryFolder();
  const { path, file, quarantine } = await copied(place.path);
  await rename(file, join(quarantine, basename(file)));
  const state = await stateOf(path);
  const planned = await repair(path, { isApplied: false });
  assert.deepEqual(await stateOf(path), state);
  assert.deepEqual(
    planned.actions.map(({ code, archive }) => [code, archive]),
    [["segment-returned", ids.single]],
  );
  const { actions, left } = await repair(path);
  assert.deepEqual([actions, left], [planned.actions, 0]);
  assert.deepEqual(await findingsIn(path, "deep"), []);
  assert.deepEqual(await readdir(quarantine), []);
});

test("a sound file takes the place of a bad one, which is kept, whichever copy it is", async () => {
  await using place = await temporaryFolder();
  const { path, file, quarantine } = await copied(place.path);
  const name = basename(file);
  await copyFile(file, join(quarantine, `${name}.1`));
  await flipBit(file, 3);
  await copyFile(file, join(quarantine, name));
  const { actions, left } = await repair(path);
  assert.deepEqual([actions.map(({ code }) => code), left], [["segment-returned"], 0]);
  assert.deepEqual(await findingsIn(path, "deep"), []);
  assert.equal((await readdir(quarantine)).length, 2, "both bad files are there");
  assert.deepEqual((await repair(path)).actions, []);
});

test("nothing is moved for a segment that is sound, from a bad file, or for one that is not known", async () => {
  await using place = await temporaryFolder();
  const { path, file, quarantine } = await copied(place.path);
  await copyFile(file, join(quarantine, basename(file)));
  const other = await fileOf(path, ids.other);
  const bad = join(quarantine, basename(other));
  await rename(other, bad);
  await flipBit(bad, 3);
  await copyFile(file, join(quarantine, `${basename(file).slice(0, -16)}AAAAAAAAAAAAAAAA`));
  const before = await readdir(quarantine);
  const { actions } = await repair(path);
  assert.deepEqual(actions, []);
  assert.deepEqual(await readdir(quarantine), before);
  await rm(bad);
});
