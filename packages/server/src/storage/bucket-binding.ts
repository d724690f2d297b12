import { randomUUID } from "node:crypto";
import { type DataFolder, DataFolderError } from "./data-folder.ts";
import { type Binding, bucketOf } from "./s3/binding-file.ts";
import type { Bucket } from "./s3/bucket.ts";

/** In the bucket, below the prefix, with the same id. */
export const boundName = "moraine.json";

/** Throws `DataFolderError` when the archives of a folder are elsewhere than the settings say. */
export function assertPlace({ path, hasBlobs }: Pick<DataFolder, "path" | "hasBlobs">, place: string | null): void {
  const found = bucketOf(path);
  if (found === null && place !== null && hasBlobs) {
    throw new DataFolderError(
      `The data folder ${path} holds its archives as files: start without --blobs, or choose another folder`,
    );
  }
  if (found !== null && found !== place) {
    const given = place === null ? "" : `, not in ${place}`;
    throw new DataFolderError(`The archives of the data folder ${path} are in ${found}${given}: give --blobs ${found}`);
  }
}

/** Where metadata are kept, and durably, which bucket has their archives. */
export interface BoundStore {
  readonly name: string;
  readonly bindings: {
    read(): Promise<Binding | null>;
    write(binding: Binding): Promise<void>;
  };
}

/** The same, to be read alone. */
export interface BoundMetadata {
  readonly name: string;
  readonly bindings: Pick<BoundStore["bindings"], "read">;
}

/** Throws `DataFolderError` unless metadata and a place of a bucket are bound to each other; changes neither. */
export async function assertBound({ name, bindings }: BoundMetadata, bucket: Bucket): Promise<void> {
  const place = bucket.url.name;
  const kept = await bindings.read();
  if (kept === null || kept.place !== place) {
    const found = kept === null ? "in no bucket yet" : `in ${kept.place}: give --blobs ${kept.place}`;
    throw new DataFolderError(`The archives of ${name} are not in ${place}, but ${found}`);
  }
  if (!kept.isBound || (await bucket.text(boundName)) !== textOf(kept)) {
    throw new DataFolderError(
      `${place} has no ${boundName} of ${name}: it holds the archives of another store, or of none`,
    );
  }
}

/**
 * Binds metadata and a place of a bucket to each other, once there is a database; checks it at later starts. Throws `DataFolderError` when
 * the bucket has lost its mark, or holds the archives of others.
 */
export async function bindBucket({ name, bindings }: BoundStore, bucket: Bucket): Promise<void> {
  const place = bucket.url.name;
  // The bucket first: nodes that start at the same time write to it last, so its id is one that the metadata have.
  const found = await bucket.text(boundName);
  const kept = await bindings.read();
  if (kept !== null && kept.place !== place) {
    throw new DataFolderError(
      `The archives of ${name} are in ${kept.place}, not in ${place}: give --blobs ${kept.place}`,
    );
  }
  if (kept?.isBound === true && found === null) {
    throw new DataFolderError(
      `${place} has no ${boundName}, so it has lost what was in it, or is another bucket of that name: nothing was changed`,
    );
  }
  if (found !== null && found !== textOf(kept)) {
    throw new DataFolderError(`${place} holds the archives of another store than ${name}: choose another prefix`);
  }
  if (kept?.isBound !== true) {
    await bindFirst(bindings, kept ?? { id: randomUUID(), place, isBound: false }, bucket);
  }
}

/** Whether both lead to the same place of a bucket, which is bound already. */
export async function isSamePlace(one: Bucket, other: Bucket): Promise<boolean> {
  if (one.url.name !== other.url.name) {
    return false;
  }
  const text = await one.text(boundName);
  return text !== null && text === (await other.text(boundName));
}

/** Whether a place says that it is bound to these metadata. */
export const hasBucket = async ({ bindings }: BoundMetadata, bucket: Bucket): Promise<boolean> => {
  const text = textOf(await bindings.read());
  return text !== null && (await bucket.text(boundName)) === text;
};

/**
 * Prepares metadata for a place that is bound to others, with an id of their own: until {@link takeOverBucket} they do not count as bound. Throws
 * `DataFolderError` unless the place is bound to `present`, or to these metadata already.
 */
export async function reserveBucket(next: BoundStore, present: BoundMetadata, bucket: Bucket): Promise<void> {
  const place = bucket.url.name;
  if ((await next.bindings.read()) === null) {
    await next.bindings.write({ id: randomUUID(), place, isBound: false });
  }
  const kept = await next.bindings.read();
  if (kept?.place !== place) {
    throw new DataFolderError(`The archives of ${next.name} are in ${kept?.place}, not in ${place}`);
  }
  const found = await bucket.text(boundName);
  if (found !== textOf(kept) && found !== textOf(await present.bindings.read())) {
    throw new DataFolderError(`${place} holds the archives of another store than ${present.name}`);
  }
}

/**
 * Binds a place to the metadata that were prepared for it. From then on those that had it are refused; no server may use them meanwhile. Throws
 * `DataFolderError` when others have taken it over since.
 */
export async function takeOverBucket(next: BoundStore, present: BoundMetadata, bucket: Bucket): Promise<void> {
  const { name, bindings } = next;
  await reserveBucket(next, present, bucket);
  const kept = await bindings.read();
  const text = textOf(kept);
  if (kept === null || text === null) {
    throw new DataFolderError(`${name} was not prepared for ${bucket.url.name}`);
  }
  await bucket.putText(boundName, text);
  if ((await bucket.text(boundName)) !== text) {
    throw new DataFolderError(`${bucket.url.name} was given to another store at the same time`);
  }
  await bindings.write({ ...kept, isBound: true });
}

const textOf = (binding: Binding | null): string | null => binding && `${JSON.stringify({ id: binding.id })}\n`;

/** The metadata first: what is in the bucket then is theirs, also after an interruption. */
async function bindFirst(bindings: BoundStore["bindings"], own: Binding, bucket: Bucket): Promise<void> {
  await bindings.write(own);
  const binding = (await bindings.read()) ?? own;
  const text = textOf(binding) ?? "";
  await bucket.putText(boundName, text, false);
  if ((await bucket.text(boundName)) !== text) {
    throw new DataFolderError(`${bucket.url.name} was given to another store at the same time: choose another prefix`);
  }
  await bindings.write({ ...binding, isBound: true });
}
