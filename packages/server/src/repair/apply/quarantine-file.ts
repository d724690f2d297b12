import { mkdir, rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ifPresent } from "../../files/missing.ts";
import { syncPath } from "../../files/sync-path.ts";
import { quarantineName } from "../../storage/history/quarantine.ts";

/**
 * Moves a file or folder of the data folder, whose lock this process holds, into its quarantine, durably. It never replaces another
 * there. Returns false when it does not exist.
 */
export async function quarantineFile(dataFolder: string, path: string): Promise<boolean> {
  const source = join(dataFolder, path);
  if ((await ifPresent(stat(source))) === null) {
    return false;
  }
  const folder = join(dataFolder, quarantineName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await syncPath(dataFolder);
  let target = join(folder, basename(path));
  for (let copy = 1; (await ifPresent(stat(target))) !== null; copy += 1) {
    target = join(folder, `${basename(path)}.${copy}`);
  }
  await rename(source, target);
  await syncPath(folder);
  await syncPath(dirname(source));
  return true;
}
