import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { repositoryRoot } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { PlantedBug } from "./bugs.ts";

type Planting = Omit<PlantedBug, "shownBy">;

const serverFolder = "packages/server";
const source = join(serverFolder, "src");

/** A copy of the server and of what the rigs need, with a bug in it. */
export async function plantedCopy(bug: Planting): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder();
  const files = [source, join(serverFolder, "test/support"), join(serverFolder, "package.json")];
  for (const name of [...files, "test/rigs", "test/support", "packing", "package.json"]) {
    await cp(join(repositoryRoot, name), join(folder.path, name), { recursive: true });
  }
  for (const name of ["node_modules", join(serverFolder, "node_modules")]) {
    await symlink(join(repositoryRoot, name), join(folder.path, name));
  }
  await plant(join(folder.path, source, bug.file), bug);
  return folder;
}

async function plant(path: string, { name, correct, wrong }: Planting): Promise<void> {
  const pieces = (await readFile(path, "utf8")).split(correct);
  if (pieces.length !== 2) {
    throw new Error(`"${name}" cannot be planted: ${path} has its place ${pieces.length - 1} times`);
  }
  await writeFile(path, pieces.join(wrong));
}
