import { join } from "node:path";
import type { Bucket } from "../../storage/s3/bucket.ts";
import { type Backup, databaseName, decodeManifest, encodeManifest, manifestName } from "../manifest.ts";
import type { BackupPlace, UnfinishedBackup } from "../place.ts";
import { getDatabase, putDatabase } from "./bucket-database.ts";
import { BucketLock } from "./bucket-lock.ts";
import { BucketSegments } from "./bucket-segments.ts";

export interface BucketOptions {
  /** Makes a folder for copies of databases, which is removed with the process. */
  makeTemporaryFolder(): string;
  now(): Date;
}

export async function openBucketForBackup(bucket: Bucket, options: BucketOptions): Promise<BackupPlace> {
  return new BucketPlace(bucket, options, await BucketLock.take(bucket, options.now));
}

export const openBucketForReading = (bucket: Bucket, options: BucketOptions): BackupPlace =>
  new BucketPlace(bucket, options, null);

/**
 * Backups in a bucket. Nothing can be renamed there: a backup is one once its manifest is there, and none while an object `expired/NAME` is.
 * `unfinished/NAME` tells one that was interrupted from one whose manifest was lost. docs/storage-format.md
 */
class BucketPlace implements BackupPlace {
  readonly folder = null;
  readonly segments: BucketSegments;
  readonly #bucket: Bucket;
  readonly #temporary: string;
  readonly #lock: BucketLock | null;

  constructor(bucket: Bucket, { makeTemporaryFolder }: BucketOptions, lock: BucketLock | null) {
    this.#bucket = bucket;
    this.#lock = lock;
    this.#temporary = makeTemporaryFolder();
    this.segments = new BucketSegments(bucket);
  }

  get name(): string {
    return this.#bucket.url.name;
  }

  async list(): Promise<Backup[]> {
    const [expired, unfinished] = [new Set(await this.expired()), new Set(await this.#marked("unfinished/"))];
    const names = (await this.#bucket.folders("backups/")).filter((name) => !expired.has(name));
    const backups: Backup[] = [];
    for (const name of names.toSorted((one, other) => (one < other ? 1 : -1))) {
      const backup = await this.#read(name);
      if (backup.manifest !== null || !unfinished.has(name)) {
        backups.push(backup);
      }
    }
    return backups;
  }

  async begin(name: string): Promise<UnfinishedBackup> {
    const database = join(this.#temporary, `unfinished-${databaseName}`);
    await this.#bucket.putText(`unfinished/${name}`, `${name}\n`);
    return {
      segments: this.segments,
      database,
      keepDatabase: () => putDatabase(this.#bucket, name, database),
      publish: async (manifest) => {
        await this.#lock?.assertHeld();
        await this.#bucket.putText(manifestOf(name), encodeManifest(manifest));
        await this.#bucket.remove(`unfinished/${name}`);
      },
    };
  }

  async databaseOf(name: string): Promise<string | null> {
    const file = join(this.#temporary, `${name}-${databaseName}`);
    return (await getDatabase(this.#bucket, name, file)) ? file : null;
  }

  databaseOfExpired(name: string): Promise<string | null> {
    return this.databaseOf(name);
  }

  pathOfExpired(name: string): string {
    return `${this.name}/backups/${name}`;
  }

  async expireUnfinished(): Promise<void> {
    for (const name of await this.#marked("unfinished/")) {
      if ((await this.#bucket.sizeOf(manifestOf(name))) === null) {
        await this.expire([name]);
      }
      await this.#bucket.remove(`unfinished/${name}`);
    }
  }

  async expire(names: readonly string[]): Promise<void> {
    await this.#lock?.assertHeld();
    for (const name of names) {
      await this.#bucket.putText(`expired/${name}`, `${name}\n`);
    }
  }

  expired(): Promise<string[]> {
    return this.#marked("expired/");
  }

  async removeSegments(keys: readonly string[]): Promise<number> {
    await this.#lock?.assertHeld();
    return this.segments.remove(keys);
  }

  async removeExpired(name: string): Promise<void> {
    for await (const page of this.#bucket.list(`backups/${name}/`)) {
      for (const { key } of page) {
        await this.#bucket.remove(key);
      }
    }
    await this.#bucket.remove(`expired/${name}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#lock?.[Symbol.asyncDispose]();
    } finally {
      this.#bucket.close();
    }
  }

  async #read(name: string): Promise<Backup> {
    const text = await this.#bucket.text(manifestOf(name));
    try {
      if (text === null) {
        throw new Error("it is missing");
      }
      return { name, manifest: decodeManifest(text) };
    } catch (error) {
      return { name, manifest: null, reason: (error as Error).message };
    }
  }

  async #marked(prefix: string): Promise<string[]> {
    const names: string[] = [];
    for await (const page of this.#bucket.list(prefix)) {
      names.push(...page.map(({ key }) => key.slice(prefix.length)));
    }
    return names;
  }
}

const manifestOf = (name: string): string => `backups/${name}/${manifestName}`;
