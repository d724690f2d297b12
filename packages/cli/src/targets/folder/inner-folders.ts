import { constants, existsSync } from "node:fs";
import { type FileHandle, mkdir, open, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { codeOf } from "./folder-errors.ts";

/** Open folders that are kept for the next archive. */
const keptMax = 64;
/** Where Linux shows open files: a path that begins there leads nowhere else, whatever is renamed or linked meanwhile. */
const descriptors = existsSync("/proc/self/fd") ? "/proc/self/fd" : null;
const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** A folder within the target, open, and reached without any symbolic link. */
export class InnerFolder {
  readonly path: string;
  readonly #handle: FileHandle;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Returns a path of an entry of this very folder. */
  entry(name: string): string {
    return descriptors === null ? join(this.path, name) : `${descriptors}/${this.#handle.fd}/${name}`;
  }

  /** Makes all names that the folder has now survive a power cut. Calls that come while a sync runs share the next one. */
  sync(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#handle.sync().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(noop, noop).then(() => {
      this.#next = null;
      return this.sync();
    });
    return this.#next;
  }

  async close(): Promise<void> {
    await this.#next?.catch(noop);
    await this.#running?.catch(noop);
    await this.#handle.close();
  }
}

const noop = () => undefined;

interface Entry {
  readonly opening: Promise<InnerFolder | null>;
  users: number;
}

/**
 * Opens folders within a root. A path is walked name by name, and a symbolic link on the way is refused: a folder that others write to, or
 * an earlier copy, must not lead a copy out of the target.
 */
export class InnerFolders implements AsyncDisposable {
  readonly #root: string;
  /** Folders by their path in the root, those used last at the end. */
  readonly #entries = new Map<string, Entry>();

  /** @param root without symbolic links. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Does the work with a folder, which is created if it is missing. @param relative names, separated by slashes; "" is the root */
  async within<Value>(relative: string, work: (folder: InnerFolder) => Promise<Value>): Promise<Value> {
    return (await this.#with(relative, true, work)) as Value;
  }

  /** Does the work with a folder. Resolves to null if the folder is missing. */
  async ifPresent<Value>(relative: string, work: (folder: InnerFolder) => Promise<Value>): Promise<Value | null> {
    return this.#with(relative, false, work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const unused = [...this.#entries.values()].filter(({ users }) => users === 0);
    this.#entries.clear(); // The last user of each other one closes it.
    await Promise.all(unused.map(close));
  }

  async #with<Value>(
    relative: string,
    create: boolean,
    work: (folder: InnerFolder) => Promise<Value>,
  ): Promise<Value | null> {
    const entry = this.#entries.get(relative) ?? { opening: this.#openFolder(relative, create), users: 0 };
    this.#entries.delete(relative);
    this.#entries.set(relative, entry);
    entry.users += 1;
    try {
      const folder = await entry.opening;
      if (folder !== null) {
        return await work(folder);
      }
      this.#forget(relative, entry);
    } catch (error) {
      if (codeOf(error) === "ENOENT" || (await isFailed(entry))) {
        this.#forget(relative, entry);
      }
      throw error;
    } finally {
      await this.#leave(relative, entry);
    }
    // A call that does not create the folder was first.
    return create ? this.#with(relative, create, work) : null;
  }

  /** Lets the folder be opened again next time: it may have been removed, or created, since. */
  #forget(relative: string, entry: Entry): void {
    if (this.#entries.get(relative) === entry) {
      this.#entries.delete(relative);
    }
  }

  async #leave(relative: string, entry: Entry): Promise<void> {
    entry.users -= 1;
    if (entry.users === 0 && this.#entries.get(relative) !== entry) {
      await close(entry);
    }
    await this.#closeOldest();
  }

  async #openFolder(relative: string, create: boolean): Promise<InnerFolder | null> {
    if (relative === "") {
      return new InnerFolder(this.#root, await open(this.#root, flags));
    }
    const parent = parentOf(relative);
    return this.#with(parent, create, (above) => this.#openBelow(above, basename(relative), create));
  }

  async #openBelow(above: InnerFolder, name: string, create: boolean): Promise<InnerFolder | null> {
    const path = join(above.path, name);
    try {
      return await opened(path, above.entry(name));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") {
        throw notAFolder(error, path);
      }
    }
    if (!create) {
      return null;
    }
    await mkdir(above.entry(name)).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") {
        throw error;
      }
    });
    await above.sync();
    try {
      return await opened(path, above.entry(name));
    } catch (error) {
      throw notAFolder(error, path);
    }
  }

  async #closeOldest(): Promise<void> {
    for (const [relative, entry] of this.#entries) {
      if (this.#entries.size <= keptMax) {
        return;
      }
      if (entry.users === 0) {
        this.#entries.delete(relative);
        await close(entry);
      }
    }
  }
}

/** Returns the folder of a path; "" is the root. */
export function parentOf(relative: string): string {
  const parent = dirname(relative);
  return parent === "." ? "" : parent;
}

const isFailed = async ({ opening }: Entry): Promise<boolean> =>
  opening.then(
    () => false,
    () => true,
  );

async function close({ opening }: Entry): Promise<void> {
  const folder = await opening.catch(() => null);
  await folder?.close();
}

async function opened(path: string, entry: string): Promise<InnerFolder> {
  const handle = await open(entry, flags);
  // Without descriptors as paths, a folder on the way may have been replaced by a link since it was opened.
  if (descriptors === null && (await realpath(path)) !== path) {
    await handle.close();
    throw new Error(`${path} is reached through a symbolic link, so nothing is written there`);
  }
  return new InnerFolder(path, handle);
}

function notAFolder(error: unknown, path: string): unknown {
  return ["ELOOP", "ENOTDIR", "EMLINK"].includes(codeOf(error))
    ? new Error(`${path} is a symbolic link or a file, not a folder, so nothing is written there`, { cause: error })
    : error;
}
