import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { MirroredBlobStore } from "../../src/storage/blobs/mirrored.ts";
import { assertSameBytes, blobStoreContract, readBlob, storeBlob } from "../contract/blob-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";

const MiB = 1024 ** 2;
const folders: string[] = [];

after(async () => {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
  }
});

blobStoreContract("memory", async () => new MemoryBlobStore());
blobStoreContract("mirrored", async () => {
  const [data, mirror] = [await filesystemStore(), await filesystemStore()];
  return new MirroredBlobStore({ data: data.store, mirror: mirror.store }, () => undefined);
});
blobStoreContract("filesystem", async () => (await filesystemStore()).store);

test("a memory store is full at its limit", async () => {
  const store = new MemoryBlobStore(10);
  const key = await storeBlob(store, Buffer.alloc(8));
  await assert.rejects(store.create(store.newKey("a"), 3), StorageFullError);
  await store.remove([key]);
  await storeBlob(store, Buffer.alloc(10));
});

describe("filesystem blob store, on the disk", () => {
  test("a blob is a read-only file in private folders, under the path that its key says", async () => {
    const { store, folder } = await filesystemStore();
    const key = await storeBlob(store, Buffer.from("a"), "owner");
    assert.match(key, /^[0-9a-f]{2}\/[0-9a-f]{2}\/owner\.[A-Za-z0-9_-]{8,}$/);
    const path = join(folder, "blobs", key);
    const file = await stat(path);
    assert.equal(file.mode & 0o7777, 0o400);
    assert.equal(file.nlink, 1);
    for (const name of [dirname(path), dirname(dirname(path)), join(folder, "blobs"), join(folder, "tmp")]) {
      assert.equal((await stat(name)).mode & 0o7777, 0o700, name);
    }
  });

  test("other files are listed among the blobs, each in its place, and more than a page", async () => {
    const { store, folder } = await filesystemStore();
    const blobs = join(folder, "blobs");
    await mkdir(join(blobs, "ab/cd"), { recursive: true });
    const names = Array.from({ length: 1100 }, (_, index) => `ab/cd/${String(index).padStart(4, "0")}`);
    const expected = ["aa", "ab-", ...names, "ab0"];
    for (const name of expected) {
      await writeFile(join(blobs, name), "");
    }
    const pages: string[][] = [];
    for await (const page of store.list("")) {
      pages.push(page.blobs.map(({ key }) => key));
    }
    assert.deepEqual(pages.flat(), expected);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [1000, 103],
    );
  });

  test("keys keep to one shelf for 1,024 keys, then change it", async () => {
    const { store } = await filesystemStore();
    const shelves = Array.from({ length: 4 * 1024 }, () => dirname(store.newKey("owner")));
    for (let first = 0; first < shelves.length; first += 1024) {
      assert.equal(new Set(shelves.slice(first, first + 1024)).size, 1);
    }
    assert.ok(new Set(shelves).size > 1);
  });

  test("an unfinished blob lies in tmp alone; neither discard nor commit leaves anything there", async () => {
    const { store, folder } = await filesystemStore();
    const [kept, dropped] = [
      await store.create(store.newKey("kept"), 1),
      await store.create(store.newKey("dropped"), 1),
    ];
    await kept.write(Buffer.from("a"));
    await dropped.write(Buffer.from("b"));
    assert.deepEqual(await filesIn(join(folder, "blobs")), []);
    assert.equal((await filesIn(join(folder, "tmp"))).length, 2);
    await dropped.discard();
    await kept.commit();
    assert.deepEqual(await filesIn(join(folder, "tmp")), []);
    assert.equal((await filesIn(join(folder, "blobs"))).length, 1);
  });

  test("a file that already has the name is never replaced", async () => {
    const { store, folder } = await filesystemStore();
    const key = store.newKey("owner");
    const writer = await store.create(key, 3);
    await writer.write(Buffer.from("new"));
    await writeFile(join(folder, "blobs", key), "old");
    await assert.rejects(writer.commit(), { code: "EEXIST" });
    await writer.discard();
    assert.equal(await readFile(join(folder, "blobs", key), "utf8"), "old");
    assert.deepEqual(await filesIn(join(folder, "tmp")), []);
  });

  test("a link in a blob's place is not followed", async () => {
    const { store, folder } = await filesystemStore();
    const key = await storeBlob(store, Buffer.from("a"));
    const path = join(folder, "blobs", key);
    await rm(path);
    await symlink(join(folder, "secret"), path);
    await writeFile(join(folder, "secret"), "secret");
    await assert.rejects(store.open(key), { code: "ELOOP" });
  });

  test("a start sweeps what a crash left in tmp, and keeps the blobs", async () => {
    const { store, folder } = await filesystemStore();
    const key = await storeBlob(store, Buffer.from("kept"));
    const crashed = await store.create(store.newKey("crashed"), 9);
    await crashed.write(Buffer.from("half"));
    await mkdir(join(folder, "tmp", "strange", "folder"), { recursive: true });

    const restarted = new FilesystemBlobStore(folder);
    await restarted.prepare();
    assert.deepEqual(await filesIn(join(folder, "tmp")), []);
    assert.equal((await readBlob(restarted, key)).toString(), "kept");
    await crashed.discard();
  });
});

describe("filesystem blob store, running out of room", () => {
  test("a blob that would touch the reserve is refused before its first byte", async () => {
    const { store, folder } = await filesystemStore();
    const room = await roomIn(folder);
    const reserve = room.free - room.forBlobs;
    await assert.rejects(store.create(store.newKey("large"), room.free - Math.floor(reserve / 2)), StorageFullError);
    assert.deepEqual(await filesIn(join(folder, "tmp")), []);
    await storeBlob(store, Buffer.from("small"));
  });

  test("bytes that open writers have announced and not written take no room from others", async () => {
    const { store, folder } = await filesystemStore();
    const size = Math.floor((await roomIn(folder)).forBlobs * 0.6);
    const writers = await Promise.all(
      ["first", "second", "third"].map((owner) => store.create(store.newKey(owner), size)),
    );
    await storeBlob(store, randomBytes(MiB));
    await Promise.all(writers.map((writer) => writer.discard()));
  });

  test("a blob that may become too large is started when what it surely needs fits", async () => {
    const { store } = await filesystemStore();
    await assert.rejects(store.create(store.newKey("surely"), 2 ** 52), StorageFullError);
    const writer = await store.create(store.newKey("perhaps"), 2 ** 52, 0);
    await writer.write(randomBytes(MiB));
    await writer.commit();
  });

  test("on a disk that others have filled, writing says so, and reads and deletions continue", async (t) => {
    const folder = await newFolder();
    if (!mountSmallDisk(folder)) {
      // Without the right to mount, the real disk's reserve must do.
      const { store } = await filesystemStore();
      return assert.rejects(store.create(store.newKey("large"), 2 ** 50), StorageFullError);
    }
    t.after(() => execFileSync("umount", ["--lazy", folder]));
    const store = new FilesystemBlobStore(folder);
    await store.prepare();
    const bytes = randomBytes(4 * MiB);
    const key = await storeBlob(store, bytes);
    const writer = await store.create(store.newKey("caught"), 8 * MiB);
    await writer.write(bytes);

    await fillDisk(join(folder, "ballast"));
    await assert.rejects(writer.write(bytes), StorageFullError);
    await assert.rejects(writer.commit(), StorageFullError);
    await writer.discard();
    assert.equal((await filesIn(join(folder, "blobs"))).length, 1);
    await fillDisk(join(folder, "more-ballast"));

    const restarted = new FilesystemBlobStore(folder);
    await restarted.prepare();
    await assert.rejects(restarted.create(restarted.newKey("refused"), 1), StorageFullError);
    assertSameBytes(await readBlob(restarted, key), bytes);
    await restarted.remove([key]);
    await rm(join(folder, "more-ballast"));
    await storeBlob(restarted, randomBytes(2 * MiB));
    await storeBlob(store, randomBytes(MiB / 2));
  });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-blobs-"));
  folders.push(folder);
  return folder;
}

async function filesystemStore(): Promise<{ store: FilesystemBlobStore; folder: string }> {
  const folder = await newFolder();
  const store = new FilesystemBlobStore(folder);
  await store.prepare();
  return { store, folder };
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}

/** The same figures as the promise: min(256 MiB, 5 %) of the file system stays free. */
async function roomIn(folder: string): Promise<{ free: number; forBlobs: number }> {
  const { bavail, blocks, bsize } = await statfs(folder);
  const free = bavail * bsize;
  return { free, forBlobs: free - Math.min(256 * MiB, blocks * bsize * 0.05) };
}

function mountSmallDisk(folder: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "moraine-test", folder], { stdio: "ignore" });
    chmodSync(folder, 0o700);
    return true;
  } catch {
    return false;
  }
}

/** As another program on the same disk would. */
async function fillDisk(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const size of [MiB, 4096]) {
      while (
        await file.write(Buffer.alloc(size)).then(
          ({ bytesWritten }) => bytesWritten === size,
          () => false,
        )
      ) {}
    }
  } finally {
    await file.close();
  }
}
