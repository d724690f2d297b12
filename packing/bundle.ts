import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Metafile, noticesOf } from "./notices.ts";
import type { Manifest } from "./published-manifest.ts";

// A command starts faster when it reads a few files instead of hundreds (docs/decisions/0042).

interface Bundle {
  /** Files that are started by themselves: the program and its threads. Name in `dist` → source, from the package's folder. */
  readonly entries: Readonly<Record<string, string>>;
  /** Dependencies that stay outside, next to all optional peers. */
  readonly kept: readonly string[];
}

const bundles: Readonly<Record<string, Bundle>> = {
  "@moraine/cli": {
    entries: {
      main: "src/main.ts",
      "digest-worker": "../client/src/transfers/hashing/digest-worker.ts",
      "index-worker": "src/catalog/archives/index-worker.ts",
    },
    kept: ["@moraine/server"],
  },
  "@moraine/server": {
    entries: {
      launch: "src/launch.ts",
      main: "src/main.ts",
      verify: "src/verify/main.ts",
      backup: "src/backup/main.ts",
      restore: "src/restore/main.ts",
      repair: "src/repair/main.ts",
      copy: "src/copy/main.ts",
      "hash-worker": "src/segments/hashing/hash-worker.ts",
      "sqlite-worker": "src/storage/metadata/sqlite/sqlite-worker.ts",
      "sqlite-check-worker": "src/storage/metadata/sqlite/sqlite-check-worker.ts",
    },
    kept: [],
  },
};

const root = fileURLToPath(new URL("../", import.meta.url));
const flags = [
  "--bundle",
  "--splitting",
  "--format=esm",
  "--platform=node",
  "--target=node24",
  "--entry-names=[name]",
  // Threads and package.json are found from wherever the code that looks for them ends up, so all files lie in one folder.
  "--chunk-names=[name]-[hash]",
  "--conditions=@moraine/source,module",
  "--main-fields=module,main",
  "--minify-whitespace",
  "--minify-syntax",
  "--legal-comments=none",
  "--log-level=warning",
  // Modules of CommonJS ask for Node's own by `require`, which modules of ECMAScript lack.
  `--banner:js=import{createRequire as bundledRequire}from"node:module";const require=bundledRequire(import.meta.url);`,
];

/** Other packages are published file by file. */
export function isBundled({ name }: Manifest): boolean {
  return Object.hasOwn(bundles, name);
}

/**
 * Writes a few files that hold all they need, and the licences of what they hold.
 *
 * @param source the package's folder
 * @param target the folder of the files
 * @param more programs in addition to those that are published
 */
export function bundle(
  { name, peerDependencies = {} }: Manifest,
  source = ".",
  target = "dist",
  more: Bundle["entries"] = {},
): void {
  const { entries, kept } = bundles[name] ?? { entries: {}, kept: [] };
  const external = [...kept, ...Object.keys(peerDependencies)].map((outside) => `--external:${outside}`);
  const files = Object.entries({ ...entries, ...more }).map(([file, source]) => `${file}=${source}`);
  const esbuild = join(root, "node_modules/esbuild-wasm/bin/esbuild");
  const folder = mkdtempSync(join(tmpdir(), "moraine-bundle-"));
  try {
    const metafile = join(folder, "metafile.json");
    execFileSync(
      process.execPath,
      [esbuild, ...files, ...flags, ...external, `--outdir=${resolve(target)}`, `--metafile=${metafile}`],
      { cwd: source, stdio: ["ignore", process.stderr, "inherit"] },
    );
    writeFileSync(
      join(target, "THIRD-PARTY-LICENSES.txt"),
      noticesOf(JSON.parse(readFileSync(metafile, "utf8")) as Metafile, source),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The dependencies that an installation of a package needs, whose code is not in its bundle. */
export function installedDependencies({ name, dependencies = {} }: Manifest): Readonly<Record<string, string>> {
  const kept = bundles[name]?.kept;
  return kept === undefined
    ? dependencies
    : Object.fromEntries(Object.entries(dependencies).filter(([dependency]) => kept.includes(dependency)));
}
