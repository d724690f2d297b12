import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
/** The packages in the order in which they are published: each needs those before it. */
const packages = ["@moraine/protocol", "@moraine/client", "@moraine/server", "@moraine/cli"];

export interface Tarball {
  /** As in `@moraine/client`. */
  readonly name: string;
  readonly path: string;
}

/** Compiles and packs what is published. */
export async function pack(folder: string): Promise<Tarball[]> {
  const workspaces = packages.map((name) => `--workspace=${name}`);
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder, ...workspaces], { cwd: root });
  const packed: readonly { readonly name: string; readonly filename: string }[] = JSON.parse(stdout);
  return packed.map(({ name, filename }) => ({ name, path: join(folder, filename) }));
}

/** Asks publint and attw; rejects with what they say against a package. */
export async function lint({ name, path }: Tarball): Promise<void> {
  // Only ES modules are published: that CommonJS cannot require them, and that TypeScript's oldest resolution does not know them, is meant.
  const tools = { publint: [path, "--strict"], attw: [path, "--profile=esm-only", "--no-emoji", "--no-color"] };
  for (const [tool, args] of Object.entries(tools)) {
    try {
      await run(process.execPath, [join(root, "node_modules/.bin", tool), ...args]);
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${tool} refuses ${name}:\n${stdout}${stderr}`, { cause: error });
    }
  }
}
