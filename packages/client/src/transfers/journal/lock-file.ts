import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { link, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../error-code.ts";
import type { TransferOptions } from "../events.ts";
import { TransferBusyError } from "../transfer-errors.ts";
import { thisProcess } from "./lock-owner.ts";
import { besides, isWithoutLinks, type LockTimes, removeAbandoned, unlessCode } from "./lock-takeover.ts";

const usualTimes: LockTimes = { heartbeatMilliseconds: 10_000, abandonedMilliseconds: 120_000 };
/** A lock that another process is judging has no name for a moment. */
const missingLooks = 5;
const missingLookMilliseconds = 100;

export interface LockOptions extends Partial<LockTimes> {
  readonly signal?: AbortSignal | undefined;
  /** Called if the lock's owner cannot be seen from here, so that taking over the lock may take two minutes. */
  readonly onWait?: ((message: string) => void) | undefined;
}

/** Returns the options of a transfer's lock. While it waits for the lock, it warns, and ends with the transfer's signal. */
export function lockOptionsOf({ signal, onEvent }: TransferOptions): LockOptions {
  return { signal, onWait: (message) => onEvent?.({ kind: "warning", code: "lock-unseen", message }) };
}

/**
 * Keeps other processes from working on the same upload, or on the same partial file, which one could write to while the other gives it its
 * final name. The owner writes to the lock at intervals. Another process takes the lock over when the owner no longer runs. If it cannot
 * see that, from another machine or container, it takes the lock over when it was not written to for two minutes.
 */
export class LockFile implements AsyncDisposable {
  readonly #path: string;
  readonly #text: string;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #beating: Promise<void> | null = null;

  private constructor(path: string, text: string, heartbeatMilliseconds: number) {
    this.#path = path;
    this.#text = text;
    this.#timer = setInterval(() => void this.#beat(), heartbeatMilliseconds).unref();
  }

  /** Acquires the lock. Throws TransferBusyError while another process holds it. */
  static async take(path: string, { signal, onWait, ...given }: LockOptions = {}): Promise<LockFile> {
    const times = { ...usualTimes, ...given };
    const text = JSON.stringify({ ...thisProcess(), lock: randomUUID() });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const { isCreated, now } = await create(path, text);
      if (isCreated) {
        return new LockFile(path, text, times.heartbeatMilliseconds);
      }
      await removeAbandoned(path, now, { ...times, signal, onWait });
    }
    throw new TransferBusyError(`Could not acquire the lock ${path}: it is repeatedly taken by another process`);
  }

  /** Aborts with a TransferBusyError when the lock has been taken over by another process, or removed. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Throws that error. Called before steps that two processes must not both do. */
  async assertHeld(): Promise<void> {
    await this.#beat();
    this.#lost.signal.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
    const text = await readFile(this.#path, "utf8").catch(() => "");
    if (text === this.#text) {
      await rm(this.#path, { force: true });
    }
  }

  #beat(): Promise<void> {
    this.#beating ??= this.#writeAgain().finally(() => {
      this.#beating = null;
    });
    return this.#beating;
  }

  async #writeAgain(): Promise<void> {
    for (let look = 1; ; look += 1) {
      const state = await touch(this.#path, this.#text);
      if (state === "held") {
        return;
      }
      if (state === "taken" || look === missingLooks) {
        const message = `The lock ${this.#path} was ${state === "taken" ? "taken over by another process" : "removed"} during the transfer`;
        this.#lost.abort(new TransferBusyError(message));
        return;
      }
      await sleep(missingLookMilliseconds, undefined, { ref: false });
    }
  }
}

/** Writes the same text again, so that the file's time is updated by the file system's own clock. */
async function touch(path: string, text: string): Promise<"held" | "taken" | "missing"> {
  try {
    await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
    if ((await file.readFile("utf8")) !== text) {
      return "taken";
    }
    await file.write(text, 0);
    return "held";
  } catch (error) {
    // Other errors are temporary ones of the disk, such as a full one: the lock is still held.
    return hasCode(error, "ENOENT") ? "missing" : "held";
  }
}

/** Creates the lock with its owner in it, in one step if the file system has hard links. `now` is the time by the file system's clock. */
async function create(path: string, text: string): Promise<{ isCreated: boolean; now: number }> {
  const draft = besides(path);
  await writeFile(draft, text, { flag: "wx", mode: 0o600 });
  try {
    const { mtimeMs: now } = await stat(draft);
    return { isCreated: await linkOrCreate(draft, path, text), now };
  } finally {
    await rm(draft, { force: true });
  }
}

async function linkOrCreate(draft: string, path: string, text: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    return isWithoutLinks(error) ? await createInPlace(path, text) : unlessCode(error, "EEXIST");
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
