import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { parseOwner, stateOf, thisProcess } from "./lock-owner.ts";
import { TransferBusyError } from "./transfer-errors.ts";

/** Where there are no hard links, a lock is empty for so long at most until its owner is in it. */
const emptyMillisecondsMax = 10_000;

/**
 * Keeps two processes off the same partial file, where one could write to it while the other gives it its final name, and off the same
 * upload. The lock of a process that no longer runs is taken over; that of another machine is not, for nobody here can tell
 * whether it is at work.
 */
export class LockFile implements AsyncDisposable {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** Throws TransferBusyError while another process holds it. */
  static async take(path: string): Promise<LockFile> {
    const text = JSON.stringify({ ...thisProcess(), lock: randomUUID() });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await create(path, text)) {
        return new LockFile(path, text);
      }
      await removeAbandoned(path);
    }
    throw new TransferBusyError(`Others keep taking the lock ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    if (text === this.#text) {
      await rm(this.#path, { force: true });
    }
  }
}

/** The lock appears with its owner in it, where the file system has hard links. */
async function create(path: string, text: string): Promise<boolean> {
  const draft = besides(path);
  await writeFile(draft, text, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (isWithoutLinks(error)) {
      return await createInPlace(path, text);
    }
    return unlessCode(error, "EEXIST");
  } finally {
    await rm(draft, { force: true });
  }
}

async function createInPlace(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    return unlessCode(error, "EEXIST");
  }
}

/**
 * Moves the lock away before it is judged for good: another process may have taken over what was read here, and it is that
 * one's fresh lock then, which goes back.
 */
async function removeAbandoned(path: string): Promise<void> {
  if (!(await assertAbandoned(path, path))) {
    return;
  }
  const moved = besides(path);
  try {
    await rename(path, moved);
  } catch (error) {
    unlessCode(error, "ENOENT");
    return;
  }
  try {
    await assertAbandoned(moved, path);
  } catch (error) {
    await putBack(moved, path);
    throw error;
  }
  await rm(moved, { force: true });
}

/** Throws TransferBusyError unless its owner has ended; false when there is no lock. */
async function assertAbandoned(path: string, name: string): Promise<boolean> {
  const [text, age] = await Promise.all([readFile(path, "utf8"), ageOf(path)]).catch((error: unknown) => {
    unlessCode(error, "ENOENT");
    return [null, 0] as const;
  });
  if (text === null) {
    return false;
  }
  const owner = parseOwner(text);
  if (owner === null) {
    if (age < emptyMillisecondsMax) {
      throw new TransferBusyError(`Another process is taking the lock ${name}`);
    }
    return true;
  }
  const state = stateOf(owner);
  if (state === "running") {
    throw new TransferBusyError(`Process ${owner.processId} is at work on the same transfer; its lock is ${name}`);
  }
  if (state === "elsewhere") {
    throw new TransferBusyError(
      `Process ${owner.processId} of ${owner.host}, another machine or container, has the lock ${name}. ` +
        "Remove that file if the process no longer runs there",
    );
  }
  return true;
}

/** The same file, for its owner may be about to write to it. */
async function putBack(moved: string, path: string): Promise<void> {
  try {
    await link(moved, path);
  } catch (error) {
    if (isWithoutLinks(error)) {
      await rename(moved, path);
      return;
    }
    unlessCode(error, "EEXIST");
  }
  await rm(moved, { force: true });
}

const besides = (path: string) => `${path}.${randomUUID()}`;

const ageOf = async (path: string) => Date.now() - (await stat(path)).mtimeMs;

/** As on exFAT, and on some network file systems. */
function isWithoutLinks(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code);
}

/** False for an error of that code; throws every other. */
function unlessCode(error: unknown, code: string): false {
  if ((error as NodeJS.ErrnoException).code !== code) {
    throw error;
  }
  return false;
}
