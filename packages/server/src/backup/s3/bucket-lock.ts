import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { millisecondsPer } from "@moraine/protocol";
import type { Bucket } from "../../storage/s3/bucket.ts";
import { BackupFolderError } from "../backup-folder.ts";

const lockKey = "lock.json";
const renewMilliseconds = millisecondsPer.minute;
/** Ten renewals that failed; more than the clocks of two machines differ by. */
const staleMilliseconds = 10 * millisecondsPer.minute;

/**
 * Keeps two backups from being made in the same place: an object that says who is at work, written again each minute. One of a process that
 * was killed counts for ten minutes.
 */
export class BucketLock implements AsyncDisposable {
  readonly #bucket: Bucket;
  readonly #text: string;
  readonly #timer: NodeJS.Timeout;

  private constructor(bucket: Bucket, text: string) {
    this.#bucket = bucket;
    this.#text = text;
    // A renewal that fails is noticed before anything is published or removed.
    this.#timer = setInterval(() => void bucket.putText(lockKey, text).catch(() => undefined), renewMilliseconds);
    this.#timer.unref();
  }

  static async take(bucket: Bucket, now: () => Date): Promise<BucketLock> {
    const text = JSON.stringify({ token: randomUUID(), host: hostname(), process: process.pid });
    const isTaken = !(await bucket.putText(lockKey, text, await isStale(bucket, now)));
    // A service may ignore the condition: then the one who wrote last has it.
    if (isTaken || (await bucket.text(lockKey)) !== text) {
      throw inUse(bucket);
    }
    return new BucketLock(bucket, text);
  }

  /** Throws when another process has taken it. */
  async assertHeld(): Promise<void> {
    if ((await this.#bucket.text(lockKey)) !== this.#text) {
      throw inUse(this.#bucket);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if ((await this.#bucket.text(lockKey)) === this.#text) {
      await this.#bucket.remove(lockKey);
    }
  }
}

/** False also when there is none: then it must not be there when it is written. Throws while another process has it. */
async function isStale(bucket: Bucket, now: () => Date): Promise<boolean> {
  const writtenAt = await bucket.writtenAt(lockKey);
  if (writtenAt === null) {
    return false;
  }
  if (now().getTime() - writtenAt.getTime() < staleMilliseconds) {
    throw inUse(bucket);
  }
  return true;
}

const inUse = ({ url }: Bucket): BackupFolderError =>
  new BackupFolderError(
    `${url.name} is in use by another backup: wait for it to end. If it was killed, wait ten minutes, or remove the object ${lockKey}`,
  );
