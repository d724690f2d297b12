import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { LockFile, TransferBusyError } from "@moraine/client/node";
import { ownFolder } from "../folder/documents.ts";
import { bodyFrom } from "./request-body.ts";
import type { S3Objects } from "./s3-objects.ts";

const lockKey = `${ownFolder}/lock`;
const renewMilliseconds = 15_000;
/** A lock of another machine that was not renewed for that long is given up by its owner. */
const abandonedMilliseconds = 60_000;
const lookMilliseconds = 5_000;

export interface LockTimes {
  readonly renewMilliseconds: number;
  readonly abandonedMilliseconds: number;
  readonly lookMilliseconds: number;
}

interface LockText {
  readonly machine: string;
  readonly host: string;
  readonly owner: string;
  readonly renewals: number;
}

/**
 * Keeps other processes from storing at the same place: those of this machine by a file, those of others by an object that is written again
 * every 15 seconds. The object of another machine is taken over when it was not renewed for a minute, by this machine's own clock.
 */
export class S3Lock implements AsyncDisposable {
  readonly #objects: S3Objects;
  readonly #file: LockFile;
  readonly #own: Omit<LockText, "renewals">;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  readonly #renewing: Promise<void>;

  private constructor(objects: S3Objects, file: LockFile, own: Omit<LockText, "renewals">, times: LockTimes) {
    this.#objects = objects;
    this.#file = file;
    this.#own = own;
    this.#renewing = this.#renew(times).catch(() => undefined);
  }

  /** Throws TransferBusyError while another process has the lock. */
  static async take(
    objects: S3Objects,
    stateFolder: string,
    signal: AbortSignal,
    times: LockTimes = { renewMilliseconds, abandonedMilliseconds, lookMilliseconds },
  ): Promise<S3Lock> {
    await mkdir(stateFolder, { recursive: true, mode: 0o700 });
    const file = await LockFile.take(join(stateFolder, "lock"), { signal });
    try {
      const own = { machine: await machineId(stateFolder), host: hostname(), owner: randomUUID() };
      await takeObject(objects, own, times, signal);
      return new S3Lock(objects, file, own, times);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Aborts with a TransferBusyError when another process has taken the lock over. */
  get lost(): AbortSignal {
    return AbortSignal.any([this.#lost.signal, this.#file.lost]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#renewing;
    const { signal } = new AbortController();
    const found = await read(this.#objects, signal).catch(() => null);
    if (found?.owner === this.#own.owner) {
      await this.#objects.remove(lockKey, signal).catch(() => undefined);
    }
    await this.#file[Symbol.asyncDispose]();
  }

  async #renew(times: LockTimes): Promise<void> {
    const { signal } = this.#stopped;
    for (let renewals = 1; ; renewals += 1) {
      await pause(times.renewMilliseconds, undefined, { signal, ref: false });
      // While the store is away, nobody else can take the lock.
      const found = await read(this.#objects, signal).catch(() => undefined);
      if (found === null || (found !== undefined && found.owner !== this.#own.owner)) {
        this.#lost.abort(busy(this.#objects, found));
        return;
      }
      if (found !== undefined) {
        await write(this.#objects, { ...this.#own, renewals }, signal).catch(() => undefined);
      }
    }
  }
}

async function takeObject(
  objects: S3Objects,
  own: Omit<LockText, "renewals">,
  times: LockTimes,
  signal: AbortSignal,
): Promise<void> {
  const found = await read(objects, signal);
  // The file of this machine is held, so another process of it that wrote the object has ended.
  if (found !== null && found.machine !== own.machine) {
    await assertAbandoned(objects, found, times, signal);
  }
  const text = { ...own, renewals: 0 };
  if (found === null) {
    // Where the store does not know the condition, the one that wrote last has the lock.
    const bytes = Buffer.from(JSON.stringify(text));
    await objects.create(lockKey, bodyFrom(bytes), {}, signal);
  } else {
    await write(objects, text, signal);
  }
  const winner = await read(objects, signal);
  if (winner?.owner !== own.owner) {
    throw busy(objects, winner);
  }
}

/** Watches the lock of another machine. Throws TransferBusyError when it is renewed. */
async function assertAbandoned(
  objects: S3Objects,
  seen: LockText,
  times: LockTimes,
  signal: AbortSignal,
): Promise<void> {
  for (const end = performance.now() + times.abandonedMilliseconds; performance.now() < end; ) {
    await pause(times.lookMilliseconds, undefined, { signal });
    const now = await read(objects, signal);
    if (now === null) {
      return;
    }
    if (now.owner !== seen.owner || now.renewals !== seen.renewals) {
      throw busy(objects, now);
    }
  }
}

function busy(objects: S3Objects, owner: LockText | null | undefined): TransferBusyError {
  const who = owner ? `a process on ${owner.host}` : "another process";
  return new TransferBusyError(`${objects.shown(lockKey)}: ${who} stores there. Wait for it to end, or end it`);
}

/** Null if there is no lock. One that is damaged counts as another machine's that is not renewed. */
async function read(objects: S3Objects, signal: AbortSignal): Promise<LockText | null> {
  const body = await objects.from(lockKey, 0, signal);
  if (body === null) {
    return null;
  }
  try {
    return JSON.parse(await text(body));
  } catch {
    return { machine: "", host: "an unknown machine", owner: "", renewals: 0 };
  }
}

const write = (objects: S3Objects, lock: LockText, signal: AbortSignal): Promise<void> =>
  objects.put(lockKey, Buffer.from(JSON.stringify(lock)), signal);

/** Returns the name by which this machine recognises its own locks. */
async function machineId(stateFolder: string): Promise<string> {
  const path = join(stateFolder, "machine");
  const known = await readFile(path, "utf8").catch(() => "");
  if (known !== "") {
    return known;
  }
  const made = randomUUID();
  await writeFile(path, made, { mode: 0o600 });
  return made;
}
