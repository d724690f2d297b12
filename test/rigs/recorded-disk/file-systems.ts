import { execFile } from "node:child_process";
import { chmod, mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export const run = promisify(execFile);

interface FileSystem {
  /** The command that makes it, before the path of its image. */
  readonly make: readonly [program: string, ...args: readonly string[]];
  readonly sizeBytes: number;
  readonly mountOptions: string;
}

const mebibyte = 1024 ** 2;

/**
 * Each as it comes, but for two things. Nothing is written in the background after the making, and no commit is made for its time alone:
 * it would hide a missing sync from a slow machine.
 */
export const fileSystems = {
  ext4: {
    make: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    sizeBytes: 128 * mebibyte,
    mountOptions: "commit=300",
  },
  // The least size that mkfs.xfs accepts.
  xfs: { make: ["mkfs.xfs", "-q", "-f"], sizeBytes: 300 * mebibyte, mountOptions: "nouuid" },
  btrfs: { make: ["mkfs.btrfs", "-q", "-f"], sizeBytes: 256 * mebibyte, mountOptions: "commit=300,nodiscard" },
} as const satisfies Readonly<Record<string, FileSystem>>;

export type FileSystemName = keyof typeof fileSystems;

/** Where the parts of a data folder lie: on one disk, or its database on a second one, so that the database's syncs hide no missing one. */
export type Layout = "one disk" | "database apart";

const databaseFiles = ["moraine.db", "moraine.db-wal"];

/** The server takes a file of this size for its ballast: else it would write one, and sync it, during the calls of interest. */
const ballastBytes = 16 * mebibyte;

/** Unmounted when it is disposed of. */
export interface MountedFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes the images of the disks of a data folder without a database, and returns their paths. */
export async function makeImages(name: FileSystemName, layout: Layout, folder: string): Promise<string[]> {
  const disks = layout === "one disk" ? ["data"] : ["data", "database"];
  return Promise.all(
    disks.map(async (disk) => {
      const image = join(folder, `${disk}.img`);
      await makeFileSystem(name, image);
      await using mounted = await mountImage(name, image, join(folder, disk));
      await chmod(mounted.path, 0o700);
      if (disk === "data") {
        await makeEmpty(join(mounted.path, "ballast"), ballastBytes);
      }
      if (disks.length > 1) {
        await Promise.all(databaseFiles.map((file) => makeEmpty(join(mounted.path, file), 0)));
      }
      return image;
    }),
  );
}

async function makeFileSystem(name: FileSystemName, image: string): Promise<void> {
  const { make, sizeBytes } = fileSystems[name];
  const [program, ...args] = make;
  await makeEmpty(image, sizeBytes);
  await run(program, [...args, image]);
}

/** Makes a file of holes. */
async function makeEmpty(path: string, sizeBytes: number): Promise<void> {
  await writeFile(path, "", { mode: 0o600 });
  await truncate(path, sizeBytes);
}

/**
 * Mounts the images of a data folder below another one. The files of a database on a disk of its own get their places by bind mounts.
 */
export async function mountFolder(
  name: FileSystemName,
  [dataImage = "", databaseImage]: readonly string[],
  below: string,
): Promise<MountedFolder> {
  await using mounts = new AsyncDisposableStack();
  const { path } = mounts.use(await mountImage(name, dataImage, join(below, "data")));
  if (databaseImage !== undefined) {
    const database = mounts.use(await mountImage(name, databaseImage, join(below, "database")));
    for (const file of databaseFiles) {
      mounts.use(await mount(["--bind", join(database.path, file)], join(path, file)));
    }
  }
  const mounted = mounts.move();
  return { path, [Symbol.asyncDispose]: () => mounted.disposeAsync() };
}

/** Mounts an image by a loop device that ends with the mount. */
async function mountImage(name: FileSystemName, image: string, path: string): Promise<MountedFolder> {
  await mkdir(path, { recursive: true });
  return mount(["-t", name, "-o", `loop,${fileSystems[name].mountOptions}`, image], path);
}

export async function mount(args: readonly string[], path: string): Promise<MountedFolder> {
  await run("mount", [...args, path]);
  return { path, [Symbol.asyncDispose]: async () => void (await run("umount", [path])) };
}
