import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { ifPresentSync } from "../../files/missing.ts";
import { syncPath } from "../../files/sync-path.ts";
import { BucketError } from "./bucket-error.ts";

/** In the data folder: where its archives are, if they are in a bucket. */
const bindingName = "blobs.json";

export interface Binding {
  readonly id: string;
  /** Without endpoint and region, which may change. */
  readonly place: string;
  /** False until the bucket has the id as well. */
  readonly isBound: boolean;
}

/** Returns where the archives of a data folder are; null when they are files in it. Throws `BucketError` for a damaged file. */
export const bucketOf = (folder: string): string | null => readBinding(folder)?.place ?? null;

/** Null when there is none. Throws `BucketError` for a damaged file. */
export function readBinding(folder: string): Binding | null {
  const path = join(folder, bindingName);
  const text = ifPresentSync(() => readFileSync(path, "utf8"));
  if (text === null) {
    return null;
  }
  try {
    const { id, place, isBound } = JSON.parse(text);
    if (typeof id === "string" && typeof place === "string" && typeof isBound === "boolean") {
      return { id, place, isBound };
    }
  } catch {
    // Reported below, with the other forms of damage.
  }
  throw new BucketError(`${path} is damaged: restore it from a backup of the folder`);
}

/** Durable when it resolves. */
export async function writeBinding(folder: string, binding: Binding): Promise<void> {
  const partial = join(folder, `${bindingName}.partial`);
  const file = await open(partial, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(binding)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, join(folder, bindingName));
  await syncPath(folder);
}
