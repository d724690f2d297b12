import assert from "node:assert/strict";
import * as nodeFiles from "node:fs/promises";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { BlobMissingError, BlobStoreUnavailableError, StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { blockSizeBytes, sharedBlocks } from "../../src/segments/blocks.ts";
import type { Disk } from "../../src/storage/blobs/disk.ts";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { FolderSyncs } from "../../src/storage/blobs/folder-syncs.ts";
import { SyncHealth } from "../../src/storage/blobs/sync-health.ts";
import { assertSameBytes, readBlob, storeBlob } from "../contract/blob-store.ts";
import { systemError } from "../support/system-error.ts";
import { newFolder, watchedDisk, watchedStore } from "./watched-disk.ts";

const MiB = 1024 ** 2;
const nextBlock = sharedBlocks(2, blockSizeBytes);
/** A long blob is two aligned blocks, as uploads bring them, and a rest. */
const contents = {
  short: [Buffer.alloc(5000, 1)],
  long: [nextBlock().fill(2), nextBlock().fill(3), Buffer.alloc(5000, 4)],
};

describe("the order of a commit", () => {
  test("bytes, then the name, then its folder, each synced; the temporary name goes last", async () => {
    const { store, key, calls } = await watchedStore();
    const writer = await store.create(key, 1);
    await writer.write(Buffer.from("a"));
    await writer.commit();
    const shelf = key.slice(0, 5);
    const name = key.slice(6);
    assert.deepEqual(calls, [
      "statfs blobs",
      `mkdir blobs/${shelf}`,
      `open blobs/${shelf.slice(0, 2)}`,
      `sync blobs/${shelf.slice(0, 2)}`,
      `close blobs/${shelf.slice(0, 2)}`,
      "open blobs",
      "sync blobs",
      "close blobs",
      `open tmp/${name}`,
      `write tmp/${name}`,
      `sync tmp/${name}`,
      `close tmp/${name}`,
      `link tmp/${name}`,
      `open blobs/${shelf}`,
      `sync blobs/${shelf}`,
      `close blobs/${shelf}`,
      `unlink tmp/${name}`,
    ]);
  });

  test("a removal is synced, also of a blob that is already gone", async () => {
    const { store, key, calls } = await watchedStore();
    await (await store.create(key, 0)).commit();
    const shelf = `blobs/${key.slice(0, 5)}`;
    for (const _ of ["once", "again"]) {
      calls.length = 0;
      await store.remove([key]);
      assert.deepEqual(calls, [`unlink blobs/${key}`, `open ${shelf}`, `sync ${shelf}`, `close ${shelf}`]);
    }
  });

  test("many blobs are removed with one sync of each folder", async () => {
    const { store, calls } = await watchedStore();
    const keys = await Promise.all(Array.from({ length: 200 }, () => storeBlob(store, Buffer.alloc(0))));
    calls.length = 0;
    assert.deepEqual(await store.remove(keys), []);
    assert.equal(calls.filter((call) => call.startsWith("unlink")).length, 200);
    assert.deepEqual(
      calls.filter((call) => call.startsWith("sync")),
      [`sync blobs/${keys[0]?.slice(0, 5)}`],
    );
  });

  test("names that come while a folder is synced share the next sync", async () => {
    const { store, calls } = await watchedStore();
    await Promise.all(Array.from({ length: 64 }, () => storeBlob(store, Buffer.alloc(1000))));
    const syncs = calls.filter((call) => /^sync blobs\/..\/..$/.test(call)).length;
    assert.ok(syncs >= 1 && syncs < 48, `${syncs} syncs for 64 blobs`);
  });

  test("a large blob is written back while it grows, by one sync at a time", async () => {
    const running: (() => void)[] = [];
    const { store, calls } = await watchedStore(async (call) => {
      if (call.startsWith("datasync ")) {
        await new Promise<void>((resolve) => running.push(resolve));
      }
    });
    const writer = await store.create(store.newKey("large"), 48 * MiB);
    const piece = Buffer.alloc(8 * MiB);
    for (let written = 0; written < 40 * MiB; written += piece.length) {
      assert.equal(running.length, written < 16 * MiB ? 0 : 1);
      await writer.write(piece);
    }
    running[0]?.();
    // Bytes that were written meanwhile are due for a sync as soon as the first has ended.
    for (let turn = 0; running.length < 2 && turn < 1000; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await writer.write(Buffer.alloc(0));
    }
    assert.equal(running.length, 2);
    const commit = writer.commit();
    await settled();
    assert.ok(!calls.some((call) => call.startsWith("sync tmp/large")), "the commit waits for the write-back");
    running[1]?.();
    await commit;
  });
});

describe("syncs of a folder", () => {
  test("all who come while one runs are served by the next, which begins after they came", async () => {
    const running: (() => void)[] = [];
    const disk = {
      open: async () => ({ sync: () => new Promise<void>((resolve) => running.push(resolve)), close: async () => {} }),
    } as unknown as Pick<Disk, "open">;
    const syncs = new FolderSyncs(disk, new SyncHealth());
    const ended: string[] = [];
    const first = syncs.sync("a").then(() => ended.push("first"));
    await settled();
    assert.equal(running.length, 1);

    const later = Array.from({ length: 20 }, (_, index) => syncs.sync("a").then(() => ended.push(`later ${index}`)));
    const other = syncs.sync("b").then(() => ended.push("other folder"));
    await settled();
    assert.equal(running.length, 2, "another folder waits for nobody; the same one waits for its turn");
    running[0]?.();
    await first;
    await settled();
    assert.deepEqual(ended, ["first"], "a sync that ran before they came does not serve those who came later");
    assert.equal(running.length, 3);
    running[1]?.();
    running[2]?.();
    await settled();
    assert.equal(running.length, 3, "one sync serves all twenty");
    await Promise.all([...later, other]);
  });
});

describe("a failing disk", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EIO", "EMFILE"]) {
    for (const [kind, pieces] of Object.entries(contents)) {
      test(`${code} at any call of a ${kind} blob's life costs that call at most, and leaves no handle open`, async () => {
        let failing = 1;
        while (await liveThroughFailure(code, failing, pieces)) {
          failing += 1;
        }
        assert.ok(failing > 20, `a blob's life has more than ${failing} calls`);
      });
    }
  }

  test("whole blocks go past the page cache by a handle of their own, and the rest the usual way", async () => {
    const { store, key, calls } = await watchedStore();
    await storeBlobUnder(store, key, contents.long);
    assertSameBytes(await readBlob(store, key), Buffer.concat(contents.long));
    const opened = calls.filter((call) => call.startsWith("open tmp")).length;
    assert.deepEqual([opened, calls.filter((call) => call.startsWith("write (direct)")).length], [2, 2]);
  });

  test("where memory or the file system cannot, whole blocks go the usual way too", async () => {
    const { store, key, calls } = await watchedStore();
    const uneven = Buffer.alloc(2 * MiB + 1, 7).subarray(1);
    await storeBlobUnder(store, key, [uneven.subarray(0, MiB), uneven.subarray(MiB)]);
    assertSameBytes(await readBlob(store, key), uneven);
    assert.equal(calls.filter((call) => call.startsWith("write tmp")).length, 2);
  });

  test("short writes and short reads are made whole", async () => {
    const { store } = await watchedStore(undefined, 1000);
    const bytes = Buffer.from(Array.from({ length: 10_500 }, (_, index) => index % 251));
    assertSameBytes(await readBlob(store, await storeBlob(store, bytes)), bytes);
  });

  test("a file whose sync failed is never synced again and never gets its name", async () => {
    const { store, folder, key, calls, failNext } = await watchedStore();
    const writer = await store.create(key, 1);
    await writer.write(Buffer.from("a"));
    failNext(/^sync tmp/, "EIO");
    await assert.rejects(writer.commit(), { code: "EIO" });
    await writer.discard();
    assert.equal(calls.filter((call) => call.startsWith("sync tmp")).length, 1);
    assert.ok(!calls.some((call) => call.startsWith("link")));
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
    await storeBlob(store, Buffer.from("b"));
  });

  test("a failed write-back costs the blob; nothing is synced after it", async () => {
    const { store, folder, calls, failNext } = await watchedStore();
    const writer = await store.create(store.newKey("large"), 33 * MiB);
    failNext(/^datasync/, "EIO");
    await writer.write(Buffer.alloc(33 * MiB));
    await assert.rejects(writer.commit(), { code: "EIO" });
    assert.ok(!calls.some((call) => call.startsWith("sync tmp") || call.startsWith("link")));
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  });

  test("after two failed syncs in a row no blob is started any more; reads and removals continue", async () => {
    const { store, failNext } = await watchedStore();
    const key = await storeBlob(store, Buffer.from("kept"));
    for (const _ of ["failed, then well", "so not in a row"]) {
      failNext(/^sync tmp/, "EIO");
      await assert.rejects(storeBlob(store, Buffer.from("a")), { code: "EIO" });
      await storeBlob(store, Buffer.from("b"));
    }
    for (const _ of ["once", "twice"]) {
      failNext(/^sync tmp/, "EIO");
      await assert.rejects(storeBlob(store, Buffer.from("a")), { code: "EIO" });
    }
    await assert.rejects(store.create(store.newKey("owner"), 1), /read-only until a restart/);
    assert.equal(store.readOnly?.kind, "failed_syncs");
    assert.equal((await readBlob(store, key)).toString(), "kept");
    await store.remove([key]);
    await assert.rejects(store.create(store.newKey("owner"), 1), /read-only until a restart/);
  });

  test("a full disk never makes the store read-only", async () => {
    const { store, failNext } = await watchedStore();
    for (const _ of ["once", "twice", "three times"]) {
      failNext(/^sync tmp/, "ENOSPC");
      await assert.rejects(storeBlob(store, Buffer.from("a")), StorageFullError);
    }
    await storeBlob(store, Buffer.from("b"));
  });

  test("when the sync of its folder fails, a blob keeps its name, and the next ones go to another shelf", async () => {
    const { store, folder, key, failNext, calls } = await watchedStore();
    const writer = await store.create(key, 1);
    await writer.write(Buffer.from("a"));
    failNext(/^sync blobs\/..\/..$/, "EIO");
    await assert.rejects(writer.commit(), { code: "EIO" });
    assert.deepEqual(await readdir(join(folder, "blobs", key.slice(0, 5))), [key.slice(6)]);
    assert.deepEqual(await readdir(join(folder, "tmp")), []);

    assert.match(String((await store.remove([key]))?.[0]?.error), /failed before/);
    assert.equal(calls.filter((call) => call === `sync blobs/${key.slice(0, 5)}`).length, 1);
    assert.notEqual((await storeBlob(store, Buffer.from("b"))).slice(0, 5), key.slice(0, 5));
  });

  test("when its link fails, nothing is left of a blob, and the next ones go to another shelf", async () => {
    const { store, folder, key, failNext } = await watchedStore();
    const writer = await store.create(key, 1);
    await writer.write(Buffer.from("a"));
    failNext(/^link/, "EMLINK");
    await assert.rejects(writer.commit(), { code: "EMLINK" });
    assert.deepEqual(await readdir(join(folder, "blobs", key.slice(0, 5))), []);
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
    assert.notEqual((await storeBlob(store, Buffer.from("b"))).slice(0, 5), key.slice(0, 5));
  });

  test("a tmp on another file system is refused at the start", async () => {
    const disk = {
      ...nodeFiles,
      stat: async (path: string) => ({ dev: path.endsWith("tmp") ? 1 : 2 }),
    } as unknown as Disk;
    await assert.rejects(new FilesystemBlobStore(await newFolder(), disk).prepare(), /different file systems/);
  });

  test("a disk that cannot sync is refused at the start", async () => {
    const folder = await newFolder();
    const { disk, failNext } = watchedDisk(folder);
    failNext(/^sync tmp/, "EIO");
    await assert.rejects(new FilesystemBlobStore(folder, disk).prepare(), /Cannot write and sync/);
  });

  test("a start stores, links, syncs and reads back a file, and leaves nothing of it", async () => {
    const folder = await newFolder();
    const { disk, calls } = watchedDisk(folder);
    await new FilesystemBlobStore(folder, disk).prepare();
    const probe = calls.slice(calls.findIndex((call) => call.startsWith("open tmp/probe.")));
    assert.deepEqual(
      probe.map((call) => call.replace(/probe\..*/, "probe")),
      [
        ...["open", "write", "sync", "close", "link"].map((name) => `${name} tmp/probe`),
        ...["open", "sync", "close"].map((name) => `${name} blobs`),
        ...["open", "read", "close"].map((name) => `${name} blobs/probe`),
        "link tmp/probe",
        "unlink blobs/probe",
        "unlink tmp/probe",
      ],
    );
    assert.deepEqual(await readdir(join(folder, "blobs")), []);
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  });

  for (const [call, code, reason] of [
    [/^link tmp/, "EXDEV", /Cannot link a file from .*tmp into .*blobs, which must be on one file system: EXDEV/],
    [/^link tmp/, "EPERM", /Cannot link a file/],
    [/^sync blobs/, "EIO", /Cannot sync the folder .*blobs: EIO/],
    [/^read blobs/, "EIO", /Cannot read back from .*blobs: EIO/],
  ] as const) {
    test(`a disk that answers ${code} to ${call.source.slice(1)} is refused at the start`, async () => {
      const folder = await newFolder();
      const { disk, failNext } = watchedDisk(folder);
      failNext(call, code);
      await assert.rejects(new FilesystemBlobStore(folder, disk).prepare(), reason);
      assert.deepEqual(await readdir(join(folder, "blobs")), []);
      assert.deepEqual(await readdir(join(folder, "tmp")), []);
    });
  }

  test("a disk that reads back other bytes, or replaces by a link, is refused at the start", async () => {
    const folder = await newFolder();
    const { disk } = watchedDisk(folder);
    const replacing = { ...disk, link: (from: string, to: string) => nodeFiles.cp(from, to) } as Disk;
    await assert.rejects(new FilesystemBlobStore(folder, replacing).prepare(), /a second link replaced the first/);
    const forgetful = {
      ...disk,
      link: async (from: string, to: string) => {
        await nodeFiles.writeFile(to, Buffer.alloc((await nodeFiles.stat(from)).size), { flag: "wx" });
      },
    } as Disk;
    await assert.rejects(new FilesystemBlobStore(folder, forgetful).prepare(), /the bytes differ/);
  });

  test("a full disk is no reason to refuse a start, whatever call of the probe says so", async () => {
    for (const call of [/^open tmp/, /^write tmp/, /^sync tmp/, /^link tmp/, /^sync blobs/]) {
      const folder = await newFolder();
      const { disk, failNext } = watchedDisk(folder);
      failNext(call, "ENOSPC");
      await new FilesystemBlobStore(folder, disk).prepare();
      assert.deepEqual(await readdir(join(folder, "tmp")), []);
    }
  });

  test("a probe that a crash left in blobs is swept by the next start", async () => {
    const folder = await newFolder();
    await nodeFiles.mkdir(join(folder, "blobs"));
    await nodeFiles.writeFile(join(folder, "blobs", "probe.left"), "");
    await new FilesystemBlobStore(folder).prepare();
    assert.deepEqual(await readdir(join(folder, "blobs")), []);
  });
});

/** A store of which the so-many-th call fails; false when a blob's life has fewer calls. */
async function liveThroughFailure(code: string, failing: number, pieces: readonly Buffer[]): Promise<boolean> {
  const { store, folder, key, calls, failCall, disarm, openHandles } = await watchedStore();
  failCall(failing, code);
  const stored = await storeBlobUnder(store, key, pieces).then(
    () => true,
    (error: unknown) => refused(error, code, calls[failing - 1]),
  );
  if (stored) {
    await readBlob(store, key).catch((error: unknown) => assert.equal(codeOf(error), systemError(code).code));
  } else if (!calls.slice(0, failing - 1).some((call) => call.startsWith("link"))) {
    await assert.rejects(store.open(key), BlobMissingError);
  }
  await store.remove([key]);
  assert.equal(openHandles(), 0, calls.join("\n"));
  if (!calls[failing - 1]?.startsWith("unlink tmp")) {
    assert.deepEqual(await readdir(join(folder, "tmp")), []);
  }

  disarm();
  // A folder that failed to sync is trusted again after a restart only.
  const lostTrust = code !== "ENOSPC" && code !== "EDQUOT" && calls[failing - 1]?.startsWith("sync blobs");
  const recovered = lostTrust ? new FilesystemBlobStore(folder) : store;
  await recovered.prepare();
  assert.equal((await readBlob(recovered, await storeBlob(recovered, Buffer.from("after")))).toString(), "after");
  await recovered.remove([key]);
  return failing <= calls.length;
}

function refused(error: unknown, code: string, call: string | undefined): false {
  if (code === "ENOSPC" || code === "EDQUOT") {
    assert.ok(error instanceof StorageFullError, `${call}: ${error}`);
  } else {
    assert.equal(codeOf(error), code, call);
  }
  return false;
}

/** Too many open files are a store that is away for a moment. */
function codeOf(error: unknown): string | undefined {
  const systemError = error instanceof BlobStoreUnavailableError ? error.cause : error;
  return (systemError as { code?: string }).code;
}

async function storeBlobUnder(store: FilesystemBlobStore, key: string, pieces: readonly Buffer[]): Promise<void> {
  const writer = await store.create(
    key,
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
  try {
    for (const piece of pieces) {
      await writer.write(piece);
    }
    await writer.commit();
  } finally {
    await writer.discard();
  }
}

/** All that can continue without a timer or the disk has continued. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
