import assert from "node:assert/strict";
import * as nodeFiles from "node:fs/promises";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { Ballast, type BallastDisk } from "../../src/storage/blobs/ballast.ts";
import { FreeSpace } from "../../src/storage/blobs/free-space.ts";
import { startSpaceKeeper } from "../../src/storage/blobs/space-keeper.ts";
import { systemError } from "../support/system-error.ts";

const MiB = 1024 ** 2;
const bsize = 4096;
const folders: string[] = [];

after(async () => {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
  }
});

/** A real folder, on a disk of 64 MiB as far as its figures go. */
async function onSmallDisk() {
  const folder = await mkdtemp(join(tmpdir(), "moraine-ballast-"));
  folders.push(folder);
  const path = join(folder, "ballast");
  const figures = { free: 64 * MiB, openFails: null as string | null, opened: 0 };
  const disk = {
    ...nodeFiles,
    statfs: async () => ({ bsize, blocks: (64 * MiB) / bsize, bavail: Math.floor(figures.free / bsize) }),
    open: async (...call: Parameters<typeof nodeFiles.open>) => {
      figures.opened += 1;
      if (figures.openFails !== null) {
        throw systemError(figures.openFails);
      }
      return nodeFiles.open(...call);
    },
  } as unknown as BallastDisk;
  const ballast = new Ballast(path, folder, disk);
  const space = new FreeSpace(disk, folder);
  const sizeBytes = () =>
    stat(path).then(
      ({ size }) => size,
      () => null,
    );
  return { path, figures, ballast, space, sizeBytes };
}

test("a ballast takes an eighth of a small disk, and is removed only when less than that is free", async () => {
  const { figures, ballast, sizeBytes } = await onSmallDisk();
  assert.equal(await ballast.releaseIfFull(), false);
  assert.equal(await ballast.missingBytes(), 8 * MiB);
  await ballast.make(8 * MiB);
  assert.equal(await sizeBytes(), 8 * MiB);
  assert.equal(await ballast.missingBytes(), 0);
  figures.free = 8 * MiB;
  assert.equal(await ballast.releaseIfFull(), false);
  figures.free = 8 * MiB - bsize;
  assert.equal(await ballast.releaseIfFull(), true);
  assert.equal(await sizeBytes(), null);
  assert.equal(await ballast.releaseIfFull(), false, "there is none any more");
});

test("a ballast's bytes are really allocated", async () => {
  const { path, ballast } = await onSmallDisk();
  await ballast.make(3 * MiB + 5);
  const { size, blocks } = await stat(path);
  assert.equal(size, 3 * MiB + 5);
  assert.ok(blocks * 512 >= size, `${blocks} blocks`);
});

test("a missing or torn ballast is made once there is room for it next to the reserve", async () => {
  const { path, figures, ballast, space, sizeBytes } = await onSmallDisk();
  await writeFile(path, "torn");
  figures.free = 20 * MiB;
  const failures: unknown[] = [];
  const keeper = startSpaceKeeper({ space, ballast, lookMilliseconds: 5, onFailure: (error) => failures.push(error) });
  await looks(space, 3);
  assert.equal(await sizeBytes(), 4);
  assert.ok(!space.isFull);
  figures.free = 25 * MiB;
  while ((await ballast.missingBytes()) > 0) {
    await looks(space, 1);
  }
  await keeper.stop();
  assert.equal(await sizeBytes(), 8 * MiB);
  assert.deepEqual(failures, []);
  // Nothing is left of its claim.
  (await space.claim(8 * MiB)).release();
});

test("a quota that refuses the ballast is not asked again at every look", async () => {
  const { figures, ballast, space } = await onSmallDisk();
  figures.openFails = "EDQUOT";
  const failures: unknown[] = [];
  const keeper = startSpaceKeeper({ space, ballast, lookMilliseconds: 1, onFailure: (error) => failures.push(error) });
  await looks(space, 20);
  await keeper.stop();
  assert.equal(figures.opened, 1);
  assert.equal(failures.length, 1);
});

test("the disk counts as full without room next to the reserve, and after it refused bytes until it takes some", async () => {
  const { figures, space } = await onSmallDisk();
  await space.measure();
  assert.ok(!space.isFull);
  figures.free = 16 * MiB;
  await space.measure();
  await assert.rejects(space.claim(6), StorageFullError);
  assert.ok(space.isFull);
  figures.free = 30 * MiB;
  await space.measure();
  assert.ok(!space.isFull);
  space.noteFailure(systemError("EIO"));
  assert.ok(!space.isFull);
  space.noteFailure(systemError("EDQUOT"));
  assert.ok(space.isFull);
  space.noteStored();
  assert.ok(!space.isFull);
});

/** Resolves after the disk was looked at this many times. */
async function looks(space: FreeSpace, count: number): Promise<void> {
  const measure = space.measure.bind(space);
  await new Promise<void>((resolve) => {
    let left = count;
    space.measure = async () => {
      left -= 1;
      if (left < 0) {
        resolve();
      }
      return measure();
    };
  });
  space.measure = measure;
}
