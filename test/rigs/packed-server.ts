import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../../packing/bundle.ts";
import { type NodeCommand, repositoryRoot, startCommand } from "../support/server-process.ts";

/** Packs the server into a folder, as it is published: it starts in half the time that its sources need. */
export async function packServer(folder: string): Promise<void> {
  const source = join(repositoryRoot, "packages/server");
  const manifest = join(source, "package.json");
  bundle(JSON.parse(await readFile(manifest, "utf8")), source, join(folder, "dist"));
  await copyFile(manifest, join(folder, "package.json"));
}

/** The command that starts the server that was packed into a folder. */
export function packedCommand(folder: string): NodeCommand {
  const program = join(folder, "dist/main.js");
  return {
    environment: { ...startCommand.environment, NODE_COMPILE_CACHE: join(folder, "compiled") },
    args: startCommand.args.map((word) => (word.endsWith("/main.ts") ? program : word)),
  };
}
