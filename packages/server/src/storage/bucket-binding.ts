import { randomUUID } from "node:crypto";
import { type DataFolder, DataFolderError } from "./data-folder.ts";
import { bucketOf, readBinding, writeBinding } from "./s3/binding-file.ts";
import type { Bucket } from "./s3/bucket.ts";

/** In the bucket, below the prefix, with the same id. */
const boundName = "moraine.json";

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

/**
 * Binds a folder and a place of a bucket to each other, once there is a database; checks it at later starts. Throws `DataFolderError` when
 * the bucket has lost its mark, or another folder's archives.
 */
export async function bindBucket({ path }: Pick<DataFolder, "path">, bucket: Bucket): Promise<void> {
  const place = bucket.url.name;
  const binding = readBinding(path) ?? { id: randomUUID(), place, isBound: false };
  const text = `${JSON.stringify({ id: binding.id })}\n`;
  const found = await bucket.text(boundName);
  if (binding.isBound && found === null) {
    throw new DataFolderError(
      `${place} has no ${boundName}, so it has lost what was in it, or is another bucket of that name: nothing was changed`,
    );
  }
  if (found !== null && found !== text) {
    throw new DataFolderError(`${place} holds the archives of another data folder than ${path}: choose another prefix`);
  }
  if (!binding.isBound) {
    // The folder first: what is in the bucket then is this folder's, also after an interruption.
    await writeBinding(path, binding);
    await bucket.putText(boundName, text, false);
    if ((await bucket.text(boundName)) !== text) {
      throw new DataFolderError(`${place} was given to another data folder at the same time: choose another prefix`);
    }
    await writeBinding(path, { ...binding, isBound: true });
  }
}
