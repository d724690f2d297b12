import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { FreeSpace } from "../../src/storage/blobs/free-space.ts";

const MiB = 1024 ** 2;
const bsize = 4096;

/** A file system of this many bytes; `free` is what it answers until it is changed. */
function fileSystem(totalBytes: number) {
  const figures = { free: totalBytes };
  const statfs = async () => ({ bsize, blocks: totalBytes / bsize, bavail: Math.floor(figures.free / bsize) });
  return {
    figures,
    space: new FreeSpace({ statfs } as unknown as ConstructorParameters<typeof FreeSpace>[0], "blobs"),
  };
}

describe("the reserve of free space", () => {
  for (const [total, reserve] of [
    [40 * MiB, 10 * MiB],
    [80 * MiB, 16 * MiB],
    [1024 * MiB, 52 * MiB],
    [100 * 1024 * MiB, 256 * MiB],
  ] as const) {
    test(`is about ${reserve / MiB} MiB of a disk of ${total / MiB} MiB`, async () => {
      const { space } = fileSystem(total);
      await assert.rejects(space.claim(total - reserve + 2 * MiB), StorageFullError);
      (await space.claim(total - reserve - 2 * MiB)).release();
    });
  }

  test("holds while bytes are on their way to the disk, which its figure does not show yet", async () => {
    const { space, figures } = fileSystem(80 * MiB);
    figures.free = 30 * MiB;
    const first = await space.claim(12 * MiB);
    // Handed to the disk; none of it has arrived.
    first.spend(12 * MiB);
    // Does not fit, so that the figure is asked for again: still without these 12 MiB.
    await assert.rejects(space.claim(12 * MiB), StorageFullError);
    figures.free = 18 * MiB;
    first.written(12 * MiB);
    first.release();
    await assert.rejects(space.claim(4 * MiB), StorageFullError);
    (await space.claim(2 * MiB)).release();
  });
});
