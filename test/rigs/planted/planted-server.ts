import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type NodeCommand, repositoryRoot, startCommand } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { PlantedBug } from "./bugs.ts";

const serverFolder = "packages/server";

/** Copies the server's sources with a bug in them, and returns the command that starts it. The copy is removed with the result. */
export async function plantedServer(bug: PlantedBug): Promise<AsyncDisposable & { readonly command: NodeCommand }> {
  const folder = await temporaryFolder();
  const copy = join(folder.path, serverFolder);
  const original = join(repositoryRoot, serverFolder);
  await cp(join(original, "src"), join(copy, "src"), { recursive: true });
  await cp(join(original, "package.json"), join(copy, "package.json"));
  await symlink(join(original, "node_modules"), join(copy, "node_modules"));
  await symlink(join(repositoryRoot, "node_modules"), join(folder.path, "node_modules"));
  await plant(join(copy, "src", bug.file), bug);
  const command = {
    ...startCommand,
    args: startCommand.args.map((word) => word.replace(original, copy)),
  };
  return { command, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

async function plant(path: string, { name, correct, wrong }: PlantedBug): Promise<void> {
  const pieces = (await readFile(path, "utf8")).split(correct);
  if (pieces.length !== 2) {
    throw new Error(`"${name}" cannot be planted: ${path} has its place ${pieces.length - 1} times`);
  }
  await writeFile(path, pieces.join(wrong));
}
