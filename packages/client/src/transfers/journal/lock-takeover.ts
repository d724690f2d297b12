import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "../../error-code.ts";
import { neverAborted } from "../events.ts";
import { TransferBusyError } from "../transfer-errors.ts";
import { type LockOwner, parseOwner, stateOf } from "./lock-owner.ts";

/** The interval at which a lock's owner shows that it is alive, and the silence after which it counts as dead. */
export interface LockTimes {
  readonly heartbeatMilliseconds: number;
  readonly abandonedMilliseconds: number;
}

export interface TakeoverOptions extends LockTimes {
  readonly signal: AbortSignal | undefined;
  /** Called once if only waiting can show whether the owner is alive. */
  readonly onWait: ((message: string) => void) | undefined;
}

/** How long a lock may be empty. On file systems without hard links it is for a moment, until its owner has written to it. */
const emptyMillisecondsMax = 10_000;

interface SeenLock {
  readonly text: string;
  readonly modifiedMilliseconds: number;
}

/**
 * Removes a lock whose owner has ended or has been silent for too long. Returns also if there is none, or another process has taken it
 * meanwhile. Throws TransferBusyError while the owner is alive.
 *
 * @param now the time by the file system's clock, which may differ from this machine's.
 */
export async function removeAbandoned(path: string, now: number, options: TakeoverOptions): Promise<void> {
  const seen = await readLock(path);
  if (seen === null || !(await isAbandoned(path, seen, now, options))) {
    return;
  }
  // The lock is moved away and read again before it is removed: another process may have taken it over meanwhile, whose lock is then put
  // back.
  const moved = besides(path);
  try {
    await rename(path, moved);
  } catch (error) {
    unlessCode(error, "ENOENT");
    return;
  }
  const taken = await readLock(moved);
  if (taken !== null && (taken.text !== seen.text || taken.modifiedMilliseconds !== seen.modifiedMilliseconds)) {
    await putBack(moved, path);
    throw new TransferBusyError(`Another process has just taken the lock ${path}`);
  }
  await rm(moved, { force: true });
}

/** Whether the lock's owner has ended or is silent. False if the lock has another owner meanwhile. */
async function isAbandoned(path: string, seen: SeenLock, now: number, options: TakeoverOptions): Promise<boolean> {
  const age = now - seen.modifiedMilliseconds;
  const owner = parseOwner(seen.text);
  if (owner === null) {
    if (age < emptyMillisecondsMax) {
      throw new TransferBusyError(`Another process is taking the lock ${path}`);
    }
    return true;
  }
  const state = stateOf(owner);
  if (state === "running") {
    throw new TransferBusyError(`Process ${owner.processId} works on the same transfer; its lock is ${path}`);
  }
  return state === "ended" || (await staysSilent(path, owner, { seen, age }, options));
}

/**
 * Waits until the lock is old enough to be abandoned, and at least for one heartbeat: after a suspension or a jump of the clock, the lock
 * of a live process looks old, too. Throws TransferBusyError at the first heartbeat.
 */
async function staysSilent(
  path: string,
  owner: LockOwner,
  { seen, age }: { seen: SeenLock; age: number },
  { heartbeatMilliseconds, abandonedMilliseconds, signal = neverAborted, onWait }: TakeoverOptions,
): Promise<boolean> {
  const holder = `process ${owner.processId} of ${owner.host}, another machine or container`;
  const waitMilliseconds = Math.max(abandonedMilliseconds - age, 1.2 * heartbeatMilliseconds);
  onWait?.(
    `The lock ${path} belongs to ${holder}. It is taken over unless its owner writes to it within ${Math.ceil(waitMilliseconds / 1000)} s`,
  );
  // Looks are counted, not time, which also passes while this process is suspended.
  const lookMilliseconds = heartbeatMilliseconds / 10;
  for (let looks = Math.ceil(waitMilliseconds / lookMilliseconds); looks > 0; looks -= 1) {
    await sleep(lookMilliseconds, undefined, { signal });
    const current = await readLock(path);
    if (current?.text !== seen.text) {
      return false;
    }
    if (current.modifiedMilliseconds !== seen.modifiedMilliseconds) {
      throw new TransferBusyError(`P${holder.slice(1)}, works on the same transfer; its lock is ${path}`);
    }
  }
  return true;
}

/** Reads a lock; null if there is none. */
async function readLock(path: string): Promise<SeenLock | null> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    return { text, modifiedMilliseconds: mtimeMs };
  } catch (error) {
    unlessCode(error, "ENOENT");
    return null;
  }
}

/** Gives the lock its name back. It stays the same file, since its owner may be about to write to it. */
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

export const besides = (path: string) => `${path}.${randomUUID()}`;

/** Whether the file system has no hard links, like exFAT and some network file systems. */
export function isWithoutLinks(error: unknown): boolean {
  return ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].some((code) => hasCode(error, code));
}

/** Returns false for an error of that code, and throws any other. */
export function unlessCode(error: unknown, code: string): false {
  if (!hasCode(error, code)) {
    throw error;
  }
  return false;
}
