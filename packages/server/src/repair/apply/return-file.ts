import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncPath } from "../../files/sync-path.ts";
import type { Quarantined } from "../plan/quarantined.ts";
import { quarantineFile } from "./quarantine-file.ts";

/** Puts a segment's file back into its place, durably; a bad one that is there goes to the quarantine. */
export async function returnFile(dataFolder: string, { file, key }: Quarantined): Promise<void> {
  const path = join(dataFolder, "blobs", key);
  const [shelf, outer] = [dirname(path), dirname(dirname(path))];
  await quarantineFile(dataFolder, `blobs/${key}`);
  await mkdir(shelf, { recursive: true, mode: 0o700 });
  await rename(join(dataFolder, file), path);
  for (const folder of [shelf, outer, dirname(outer), dirname(join(dataFolder, file))]) {
    await syncPath(folder);
  }
}
