import { readFileSync } from "node:fs";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { TransferBusyError } from "./transfer-errors.ts";

/**
 * Keeps two processes off the same partial file, where one could write to it while the other gives it its final name, and off the same
 * upload. The lock
 * of a process that no longer runs is taken over.
 */
export class LockFile implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws TransferBusyError while another process holds it. */
  static async take(path: string): Promise<LockFile> {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      if (await create(path)) {
        return new LockFile(path);
      }
      const owner = await readFile(path, "utf8").catch(() => "");
      if (isRunning(owner)) {
        throw new TransferBusyError(
          `Process ${owner.split(" ")[0]} is at work on the same transfer; its lock is ${path}`,
        );
      }
      await rm(path, { force: true });
    }
    throw new TransferBusyError(`Others keep taking the lock ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** The lock appears with its owner in it. */
async function create(path: string): Promise<boolean> {
  const draft = `${path}.${process.pid}-${drafts++}`;
  await writeFile(draft, `${process.pid} ${startOf(process.pid) ?? ""}`, { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

let drafts = 0;

function isRunning(owner: string): boolean {
  const [id = "", start = ""] = owner.split(" ");
  if (!/^[0-9]+$/.test(id)) {
    return false;
  }
  const now = startOf(Number(id));
  return now === null ? answers(Number(id)) : start === now;
}

/** When a process began, as its system counts: ids of processes are used again. Null where nobody says. */
function startOf(id: number): string | null {
  try {
    const text = readFileSync(`/proc/${id}/stat`, "utf8");
    // The name, in parentheses, may hold anything; field 22 counts from the first.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // One that has ended but was not waited for holds nothing any more.
    return fields[0] === "Z" ? "ended" : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function answers(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
