import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { DataFolderError, type DataFolderOptions, openDataFolder } from "../../src/storage/data-folder.ts";

const parents: string[] = [];

after(async () => {
  for (const parent of parents) {
    await rm(parent, { recursive: true, force: true });
  }
});

test("a folder that is missing is made, with its parents, for its owner alone", async () => {
  const path = join(await newParent(), "some", "where", "data");
  const folder = await openDataFolder(path);
  assert.equal(folder.databaseFile, join(folder.path, "moraine.db"));
  assert.equal((await stat(path)).mode & 0o7777, 0o700);
  assert.ok((await readdir(path)).includes("blobs"));
  await folder.release();
});

test("an empty folder, a new disk's folder, and what a first start left behind are taken", async () => {
  const path = await newParent();
  for (const name of ["lost+found", "tmp", "blobs"]) {
    await mkdir(join(path, name));
  }
  await writeFile(join(path, "blobs", "probe.0"), "");
  await writeFile(join(path, "moraine.db"), "");
  await writeFile(join(path, "moraine.db-journal"), "");
  await (await openDataFolder(path)).release();
});

describe("the lock", () => {
  test("the same process cannot take a folder twice, under any of its names, until it is released", async () => {
    const path = await newParent();
    const alias = `${path}-alias`;
    parents.push(alias);
    await symlink(path, alias);
    const folder = await openDataFolder(path);
    for (const name of [path, alias]) {
      await refused(name, `The data folder ${folder.path} is in use by another process`);
    }
    await folder.release();
    await folder.release();
    await (await openDataFolder(alias)).release();
  });

  test("no other user can take it, whatever the folder's mode, nor that of a lock which an earlier version made", async () => {
    const path = await newParent();
    for (const mode of [null, 0o644, 0o666]) {
      if (mode !== null) {
        await chmod(join(path, "lock.db"), mode);
      }
      const folder = await openDataFolder(path);
      await folder.release();
      assert.equal((await stat(join(path, "lock.db"))).mode & 0o7777, 0o600);
    }
  });

  test("a second process is refused while the first lives, and taken when that one was killed", async (t) => {
    const path = await newParent();
    const holder = await holdInChild(path);
    t.after(() => holder.kill("SIGKILL"));
    await refused(path, `The data folder ${path} is in use by another process`);
    // A refused attempt must not have loosened the lock.
    await refused(path, `The data folder ${path} is in use by another process`);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await (await openDataFolder(path)).release();
  });
});

test("a folder that others may open is used with a warning, and one in use in which anybody may write is refused", async () => {
  const path = await newParent();
  for (const [mode, notice] of [
    [0o700, []],
    [0o755, ["Other users may open the data folder (mode 0755): chmod 700 it"]],
    [0o710, ["Other users may open the data folder (mode 0710): chmod 700 it"]],
    [0o770, ["Other users may open the data folder (mode 0770): chmod 700 it"]],
  ] as const) {
    await chmod(path, mode);
    const folder = await openDataFolder(path);
    assert.deepEqual(folder.notices, notice);
    await folder.release();
  }
  for (const mode of [0o777, 0o1777, 0o702]) {
    const used = await dataFolder();
    await chmod(used, mode);
    await refused(
      used,
      /^Any user may write in the data folder \S+ \(mode 0\d{3}\), and may have done so: .*chmod 700 it$/,
    );
    assert.equal((await stat(used)).mode & 0o777, mode & 0o777);
  }
});

test("a folder that is open to all is closed to others while there is nothing in it yet", async () => {
  const path = await newParent();
  await chmod(path, 0o1777);
  const folder = await openDataFolder(path);
  assert.deepEqual(folder.notices, []);
  assert.equal((await stat(path)).mode & 0o7777, 0o700);
  await folder.release();
  const foreign = await newParent();
  await writeFile(join(foreign, "holiday.jpg"), "");
  await chmod(foreign, 0o777);
  await refused(foreign, /holds other files/);
  assert.equal((await stat(foreign)).mode & 0o777, 0o777);
});

describe("a network file system", () => {
  for (const [name, type] of [
    ["NFS", 0x6969],
    ["SMB 2", 0xfe534d42],
    ["SMB \\(CIFS\\)", 0xff534d42 | 0],
    ["9p", 0x01021997],
    ["FUSE", 0x65735546],
    ["Ceph", 0x00c36400],
  ] as const) {
    test(`${name} is refused before the lock is taken, and used where that is allowed`, async () => {
      const path = await newParent();
      const fileSystemType = async () => ({ type });
      await refused(path, new RegExp(`network file system \\(${name}\\).*--allow-network-storage`), { fileSystemType });
      assert.deepEqual(await readdir(path), []);
      const folder = await openDataFolder(path, { fileSystemType, allowNetworkStorage: true });
      assert.match(folder.networkFileSystem ?? "", new RegExp(name));
      await folder.release();
    });
  }

  test("is refused also where only blobs lies on one", async () => {
    const path = await dataFolder();
    const fileSystemType = async (folder: string) => ({ type: folder.endsWith("blobs") ? 0x6969 : 0xef53 });
    await refused(path, `${join(path, "blobs")} lies on a network file system (NFS)`, { fileSystemType });
  });

  test("is not what local file systems are taken for", async () => {
    for (const type of [0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x2fc12fc1, 0x794c7630]) {
      const folder = await openDataFolder(await newParent(), { fileSystemType: async () => ({ type }) });
      assert.equal(folder.networkFileSystem, null);
      await folder.release();
    }
  });
});

describe("refusals", () => {
  test("a folder with somebody's files is left alone", async () => {
    const path = await newParent();
    await writeFile(join(path, "holiday.jpg"), "");
    await refused(path, /holds other files \(holiday\.jpg\) and no moraine\.db/);
    assert.deepEqual(await readdir(path), ["holiday.jpg"]);
  });

  test("a folder that has lost its database is not taken for somebody else's, whatever else is in it", async () => {
    const path = await newParent();
    await writeFile(join(path, "history.json"), "{}");
    await writeFile(join(path, "notes.txt"), "");
    await refused(path, /has been in use, but its database moraine\.db is missing or empty; restore it from a backup$/);
  });

  test("blobs without their database are never started over", async () => {
    const path = await dataFolder();
    await mkdir(join(path, "blobs", "ab"));
    await truncate(join(path, "moraine.db"));
    await refused(path, /holds blobs, but its database moraine\.db is missing or empty/);
    await rm(join(path, "moraine.db"));
    await refused(path, /holds blobs, but its database moraine\.db is missing or empty/);
  });

  test("a log without its database is never started over", async () => {
    const path = await dataFolder();
    await rm(join(path, "moraine.db"));
    await writeFile(join(path, "moraine.db-wal"), "");
    await refused(path, /database moraine\.db is missing; restore it/);
  });

  test("a database whose blobs are gone is refused", async () => {
    const path = await dataFolder();
    await rm(join(path, "blobs"), { recursive: true });
    await refused(path, /its folder blobs is missing/);
  });

  test("a refused folder can be opened once it is put right", async () => {
    const path = await dataFolder();
    await rm(join(path, "blobs"), { recursive: true });
    await refused(path, /blobs is missing/);
    await mkdir(join(path, "blobs"));
    await (await openDataFolder(path)).release();
  });

  test("a file in the folder's place is refused", async () => {
    const path = join(await newParent(), "file");
    await writeFile(path, "");
    await refused(path, /cannot be made/);
  });

  test("a folder that cannot be written is refused", async () => {
    const path = await dataFolder();
    await chmod(path, 0o555);
    await chmod(join(path, "lock.db"), 0o666);
    const asOtherUser = process.geteuid?.() === 0;
    try {
      if (asOtherUser) {
        process.seteuid?.(65_534);
      }
      await refused(path, `is not writable`);
    } finally {
      if (asOtherUser) {
        process.seteuid?.(0);
      }
      await chmod(path, 0o755);
    }
  });
});

/** Refused in one line that names the folder. */
async function refused(path: string, reason: string | RegExp, options?: DataFolderOptions): Promise<void> {
  await assert.rejects(openDataFolder(path, options), (error) => {
    assert.ok(error instanceof DataFolderError);
    assert.ok(!error.message.includes("\n"), error.message);
    if (typeof reason === "string") {
      assert.ok(error.message.includes(reason), error.message);
    } else {
      assert.match(error.message, reason);
    }
    return true;
  });
}

async function newParent(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "moraine-data-"));
  // Another user must be able to come this far.
  await chmod(parent, 0o755);
  parents.push(parent);
  return parent;
}

/** One that has been in use: with a database, released. */
async function dataFolder(): Promise<string> {
  const path = await newParent();
  const folder = await openDataFolder(path);
  await writeFile(folder.databaseFile, "rows");
  await folder.release();
  return path;
}

/** A process that takes the folder, forgets the object, collects its garbage, and lives until it is killed. */
async function holdInChild(path: string): Promise<ChildProcess> {
  const module = new URL("../../src/storage/data-folder.ts", import.meta.url).href;
  const code = `
    const { openDataFolder } = await import(${JSON.stringify(module)});
    await openDataFolder(${JSON.stringify(path)});
    for (let turn = 0; turn < 5; turn += 1) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    console.log("held");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(output.toString(), "held\n");
  return child;
}
