import { realpathSync } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { type CatalogOptions, catalogPath } from "../../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../../context/tools.ts";
import { stateFolder } from "../../transfers/upload-state.ts";

/** A file as the file system knows it, whatever its name. */
interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
}

/** Files of this program itself, which may be in a folder that is sent, and change meanwhile. */
export interface OwnFiles {
  /** Whether the file is one of them, or the folder has them all. */
  has(path: string, identity: FileIdentity): boolean;
}

/** Returns the folder of this program's state, a catalogue that is elsewhere, and the manifest. Called when they exist. */
export async function ownFilesOf(
  tools: CommandContext,
  vaultName: string,
  { manifest, ...options }: CatalogOptions & { readonly manifest?: string },
): Promise<OwnFiles> {
  const folder = stateFolder(tools);
  const catalog = catalogPath(tools, vaultName, options);
  const files = ["", "-wal", "-shm", ".send.lock", ".lock"].map((suffix) => catalog + suffix);
  const paths = [folder, ...files, ...(manifest === undefined ? [] : [tools.pathOf(manifest)])];
  const named = new Set(paths);
  const known = new Set((await Promise.all(paths.map(identityAt))).filter((identity) => identity !== null));
  const real = new Set(await Promise.all(paths.map((path) => realpath(path).catch(() => path))));
  const folders = [folder, await realpath(folder).catch(() => folder)].map((path) => `${path}${sep}`);
  return {
    has: (path, identity) =>
      named.has(path) ||
      (known.has(textOf(identity)) && real.has(realpathSync(path))) ||
      folders.some((state) => path.startsWith(state)),
  };
}

/** A name may lead through links. Equal identities are looked into, since inodes of more than 53 bits are rounded. */
async function identityAt(path: string): Promise<string | null> {
  const stats = await stat(path).catch(() => null);
  return stats === null ? null : textOf(stats);
}

const textOf = ({ dev, ino }: FileIdentity): string => `${dev}:${ino}`;
