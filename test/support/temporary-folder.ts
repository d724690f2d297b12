import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const sharedMemory = "/dev/shm";

/** Where many small folders are made, and syncs cost nothing: in memory, where the system has such a folder. */
export const memoryFolder = existsSync(sharedMemory) ? sharedMemory : tmpdir();

/** A folder that goes with all that is in it when it is disposed of. */
export async function temporaryFolder(parent = tmpdir()): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(parent, "moraine-system-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}
