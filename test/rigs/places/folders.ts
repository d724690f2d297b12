import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Place } from "./places.ts";
import type { World } from "./world.ts";

const run = promisify(execFile);
/** Without them a start would hide a loss, or make what it cannot read. */
const vital: readonly string[] = ["moraine.db", "secrets.key", "blobs"];
const others: readonly string[] = ["tmp", "lock.db", "history.json"];

/** Each file and folder of the data folder is elsewhere for a while: during a start, and while a server runs. */
export const missingFiles: Place = {
  whyUnusable: async () => null,
  async trouble(world) {
    const server = await world.start();
    await world.createVault();
    await world.work(4);
    await server.stop();
    for (const name of [...vital, ...others]) {
      const putBack = await takeAway(join(world.dataFolder, name), join(world.folder, "aside"));
      await (vital.includes(name) ? world.refuses(`without ${name}`) : startWithout(world));
      await putBack();
    }
    await world.start();
    for (const name of [".", "blobs", "tmp"]) {
      const putBack = await takeAway(join(world.dataFolder, name), join(world.folder, "aside"));
      // Without its file an archive cannot be read.
      await world.work(4, { reads: false });
      await putBack();
      await world.expectService(`after ${name} was missing`);
    }
  },
};

async function startWithout(world: World): Promise<void> {
  const server = await world.start().catch(() => null);
  await world.work(2);
  await server?.stop();
}

/** Returns a function that puts it back, with what a server has made in its place. */
async function takeAway(path: string, aside: string): Promise<() => Promise<void>> {
  await rename(path, aside);
  return async () => {
    if (existsSync(path)) {
      await cp(path, aside, { recursive: true, force: true, preserveTimestamps: true });
      await rm(path, { recursive: true });
    }
    await rename(aside, path);
  };
}

/** Each folder is read-only for a while, as a file system is after an error: during a start, and while a server runs. */
export const readOnlyFolders: Place = {
  whyUnusable: async () => (process.getuid?.() === 0 ? null : "mounts take root"),
  async trouble(world) {
    const server = await world.start();
    await world.createVault();
    await world.work(4);
    await server.stop();
    for (const name of [".", "blobs", "tmp"]) {
      await whileReadOnly(world, name, async () => {
        const started = await world.start().catch(() => null);
        await world.work(2);
        await started?.kill();
      });
    }
    await world.start();
    for (const name of [".", "blobs", "tmp"]) {
      await whileReadOnly(world, name, () => world.work(4));
      await world.expectService(`after ${name} was read-only`);
    }
  },
};

async function whileReadOnly(world: World, name: string, use: () => Promise<unknown>): Promise<void> {
  const path = join(world.dataFolder, name);
  const readOnly = join(world.folder, "read-only");
  await mkdir(readOnly, { recursive: true });
  // A mount becomes read-only only while no file is open for writing there, and a running server opens some at any moment: so
  // this is done at a place that no server knows. A mount of that one is read-only as well.
  await run("mount", ["--bind", path, readOnly]);
  try {
    await run("mount", ["-o", "remount,bind,ro", readOnly]);
    await run("mount", ["--bind", readOnly, path]);
  } finally {
    await run("umount", [readOnly]);
  }
  try {
    await use();
  } finally {
    // Files that were opened there keep it until they are closed.
    await run("umount", ["--lazy", path]);
  }
}
