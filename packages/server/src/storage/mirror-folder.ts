import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, realpath, rename, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { ifPresent } from "../files/missing.ts";
import { syncPath } from "../files/sync-path.ts";
import { type DataFolder, DataFolderError, lockFolder } from "./data-folder.ts";

/** The folder that holds the second copies, locked for the life of the process. */
export interface MirrorFolder {
  /** Absolute, with links resolved. */
  readonly path: string;
  /** Whether it has no copies yet, and is not bound to the data folder before `bind`. */
  readonly isNew: boolean;
  readonly notices: readonly string[];
  /** Binds the data folder and the mirror to each other, durably; once. */
  bind(): Promise<void>;
  release(): void;
}

/** In both folders, with the same id. */
export const mirrorMarkerName = "mirror.json";
/** Names that a start may have left in a mirror before it was bound. */
const namesBefore = new Set(["blobs", "tmp", "lock.db", "lost+found", `${mirrorMarkerName}.partial`]);

/** Rejects with `DataFolderError` unless the folder is empty, or the mirror of this data folder, and apart from it. */
export async function openMirrorFolder(path: string, dataFolder: Pick<DataFolder, "path">): Promise<MirrorFolder> {
  const folder = await makeFolder(resolve(path));
  refuseNested(folder, dataFolder.path);
  const id = await markedId(dataFolder.path);
  const mirrorId = await markedId(folder);
  refuseForeign(folder, { id, mirrorId, names: await readdir(folder) });
  const release = lockFolder(folder, "mirror");
  return {
    path: folder,
    isNew: mirrorId === null || id === null,
    notices: await sameDiskNotices(folder, dataFolder.path),
    async bind() {
      const bound = id ?? mirrorId ?? randomUUID();
      // The mirror first: with the data folder's marker alone, the next start would take the mirror for a disk that is not mounted.
      await writeMarker(folder, bound);
      await writeMarker(dataFolder.path, bound);
    },
    release,
  };
}

async function makeFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") {
        throw error;
      }
    });
    await syncPath(dirname(path));
    return await realpath(path);
  } catch (error) {
    throw new DataFolderError(`The mirror ${path} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

function refuseNested(mirror: string, data: string): void {
  const within = (inner: string, outer: string) => `${inner}${sep}`.startsWith(`${outer}${sep}`);
  if (within(mirror, data) || within(data, mirror)) {
    throw new DataFolderError(
      `The mirror ${mirror} and the data folder ${data} lie within each other: choose another disk`,
    );
  }
}

interface Found {
  readonly id: string | null;
  readonly mirrorId: string | null;
  readonly names: readonly string[];
}

function refuseForeign(mirror: string, { id, mirrorId, names }: Found): void {
  if (id !== null && mirrorId === null) {
    throw new DataFolderError(
      `The mirror ${mirror} has no ${mirrorMarkerName}: mount its disk; to begin a new mirror, remove ${mirrorMarkerName} from the data folder`,
    );
  }
  if (mirrorId !== null && id !== mirrorId) {
    throw new DataFolderError(`The mirror ${mirror} belongs to another data folder: choose an empty folder`);
  }
  const foreign = names.find((name) => !namesBefore.has(name) && !name.startsWith("lock.db"));
  if (mirrorId === null && foreign !== undefined) {
    throw new DataFolderError(`${mirror} is no mirror: it holds other files (${foreign}); choose an empty folder`);
  }
}

/** The id that binds a folder to another; null when it has none. */
export async function markedId(folder: string): Promise<string | null> {
  const path = join(folder, mirrorMarkerName);
  const text = await ifPresent(readFile(path, "utf8"));
  if (text === null) {
    return null;
  }
  const id = /^\{"id":"([0-9a-f-]{36})"\}\n$/.exec(text)?.[1];
  if (id === undefined) {
    throw new DataFolderError(`${path} is damaged: remove it, and the copies with it if it is the mirror's`);
  }
  return id;
}

async function writeMarker(folder: string, id: string): Promise<void> {
  const partial = join(folder, `${mirrorMarkerName}.partial`);
  const file = await open(partial, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify({ id })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, join(folder, mirrorMarkerName));
  await syncPath(folder);
}

async function sameDiskNotices(mirror: string, data: string): Promise<string[]> {
  return (await stat(mirror)).dev === (await stat(data)).dev
    ? [
        `The mirror ${mirror} lies on the same file system as the data folder: when that disk fails, both copies are lost`,
      ]
    : [];
}
