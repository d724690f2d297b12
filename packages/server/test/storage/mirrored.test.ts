import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { BlobMissingError, StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { MirroredBlobStore } from "../../src/storage/blobs/mirrored.ts";
import { readBlob, storeBlob } from "../contract/blob-store.ts";
import { flipBit } from "../support/flip-bit.ts";
import { systemError } from "../support/system-error.ts";
import { watchedStore } from "./watched-disk.ts";

type Watched = Awaited<ReturnType<typeof watchedStore>>;

/** Called before each call of either disk: what it throws is the call's failure. */
let beforeCall: (call: string) => void | Promise<void>;
/** All calls of both disks, in order. */
let calls: string[];
let data: Watched;
let mirror: Watched;
let store: MirroredBlobStore;
let noted: string[];
beforeEach(async () => {
  beforeCall = () => undefined;
  calls = [];
  noted = [];
  const watch = (name: string) =>
    watchedStore(async (call) => {
      calls.push(`${name}: ${call}`);
      await beforeCall(`${name}: ${call}`);
    });
  [data, mirror] = [await watch("data"), await watch("mirror")];
  store = new MirroredBlobStore({ data: data.store, mirror: mirror.store }, (key) => noted.push(key));
  calls.length = 0;
});

const during = {
  turn: <Result>(work: () => Promise<Result>) => work(),
  isWanted: async () => true,
};
const filesIn = async (folder: string, name: string) => {
  const names = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => []);
  return names.filter((entry) => entry.isFile()).map((entry) => entry.name);
};

describe("a mirrored store", () => {
  test("acknowledges a blob once both files are synced, named, and their folders synced", async () => {
    const key = store.newKey("owner");
    const writer = await store.create(key, 3);
    await writer.write(Buffer.from("abc"));
    const slash = key.lastIndexOf("/");
    const temporary = `tmp/${key.slice(slash + 1)}`;
    calls.length = 0;
    await writer.commit();
    for (const name of ["data", "mirror"]) {
      assert.deepEqual(
        calls.filter((call) => call.startsWith(`${name}: sync`) || call.startsWith(`${name}: link`)),
        [`sync ${temporary}`, `link ${temporary}`, `sync blobs/${key.slice(0, slash)}`].map(
          (call) => `${name}: ${call}`,
        ),
      );
    }
    assert.equal((await readBlob(mirror.store, key)).toString(), "abc");
  });

  test("a write, sync or link that fails on either disk fails the blob, and leaves no temporary file", async () => {
    for (const failing of [
      "data: write",
      "mirror: write",
      "data: sync tmp",
      "mirror: sync tmp",
      "data: link",
      "mirror: link",
    ]) {
      const key = store.newKey("owner");
      beforeCall = (call) => {
        if (call.startsWith(failing)) {
          beforeCall = () => undefined;
          throw systemError("EIO");
        }
      };
      const writer = await store.create(key, 3);
      const stored = writer.write(Buffer.from("abc")).then(() => writer.commit());
      await assert.rejects(stored, /EIO/, failing);
      await writer.discard();
      assert.deepEqual([...(await filesIn(data.folder, "tmp")), ...(await filesIn(mirror.folder, "tmp"))], [], failing);
    }
  });

  test("a mirror that is full refuses as a full disk does, before the first byte", async () => {
    beforeCall = (call) => {
      if (/^mirror: open tmp\//.test(call)) throw systemError("ENOSPC");
    };
    await assert.rejects(store.create(store.newKey("owner"), 3), StorageFullError);
    assert.deepEqual(await filesIn(data.folder, "tmp"), []);
    assert.match(store.readOnly?.reason ?? "", /^the mirror: /);
    assert.equal(store.readOnly?.kind, "disk_full");
  });

  test("a write that fails at once still waits for the other disk, which may be reading the memory", async () => {
    const gate = Promise.withResolvers<void>();
    const writer = await store.create(store.newKey("owner"), 3);
    beforeCall = (call) => {
      if (call.startsWith("data: write")) throw systemError("EIO");
      return call.startsWith("mirror: write") ? gate.promise : undefined;
    };
    let isSettled = false;
    const written = writer.write(Buffer.from("abc")).catch(() => {
      isSettled = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isSettled, false);
    gate.resolve();
    await written;
    await writer.discard();
  });

  test("removes both copies, and a blob whose copy stays in the mirror counts as not removed", async () => {
    const [kept, removed] = [await storeBlob(store, Buffer.from("a")), await storeBlob(store, Buffer.from("b"))];
    beforeCall = (call) => {
      if (call === `mirror: unlink blobs/${kept}`) throw systemError("EPERM");
    };
    assert.deepEqual(
      (await store.remove([kept, removed]))?.map(({ key }) => key),
      [kept],
    );
    await assert.rejects(mirror.store.open(removed), BlobMissingError);
    beforeCall = () => undefined;
    assert.deepEqual(await store.remove([kept]), []);
    await assert.rejects(mirror.store.open(kept), BlobMissingError);
  });
});

describe("replacing a copy", () => {
  test("keeps the replaced file in the quarantine, also a second one", async () => {
    const bytes = randomBytes(3_000_000);
    const key = await storeBlob(store, bytes);
    const name = key.slice(key.lastIndexOf("/") + 1);
    for (const kept of [[name], [name, `${name}.2`]]) {
      await flipBit(join(data.folder, "blobs", key), 5);
      const damaged = await readFile(join(data.folder, "blobs", key));
      assert.equal(await store.copies.replace(key, "data", during), true);
      assert.deepEqual(await readBlob(data.store, key), bytes);
      assert.deepEqual(
        (await filesIn(data.folder, "quarantine")).toSorted((a, b) => a.length - b.length),
        kept,
      );
      assert.deepEqual(await readFile(join(data.folder, "quarantine", kept.at(-1) ?? "")), damaged);
      assert.deepEqual(await filesIn(data.folder, "tmp"), []);
    }
  });

  test("makes a copy that is missing", async () => {
    const key = await storeBlob(data.store, Buffer.from("from before the mirror"));
    assert.equal(await store.copies.replace(key, "mirror", during), true);
    assert.equal((await readBlob(mirror.store, key)).toString(), "from before the mirror");
    assert.deepEqual(await filesIn(mirror.folder, "quarantine"), []);
  });

  test("leaves all as it is when the blob is not wanted any more, or the disk fails before the new file is whole", async () => {
    const key = await storeBlob(store, randomBytes(2_000_000));
    await flipBit(join(data.folder, "blobs", key), 5);
    const before = await readBlob(data.store, key);
    assert.equal(await store.copies.replace(key, "data", { ...during, isWanted: async () => false }), false);
    beforeCall = (call) => {
      if (call.startsWith("data: write")) throw systemError("EIO");
    };
    await assert.rejects(store.copies.replace(key, "data", during), /EIO/);
    beforeCall = () => undefined;
    assert.deepEqual(await readBlob(data.store, key), before);
    assert.deepEqual([...(await filesIn(data.folder, "tmp")), ...(await filesIn(data.folder, "quarantine"))], []);
  });

  test("notes each damaged blob once until it is taken", () => {
    store.copies.noteDamaged("a", new Error("x"));
    store.copies.noteDamaged("a", new Error("x"));
    store.copies.noteDamaged("b", new Error("x"));
    assert.deepEqual(store.copies.takeDamaged(), ["a", "b"]);
    assert.deepEqual(store.copies.takeDamaged(), []);
    assert.deepEqual(noted, ["a", "b"]);
  });
});
