import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { bundle, isBundled } from "./bundle.ts";
import { keptManifest, publishedManifest } from "./published-manifest.ts";

// npm runs this in a package's folder before it packs it, and postpack.ts afterwards (docs/decisions/0016).

const root = new URL("../", import.meta.url);

// A kept one is there when a run before this was killed.
const text = await readFile(existsSync(keptManifest) ? keptManifest : "package.json", "utf8");
const source = JSON.parse(text);

// From nothing: what sources that are gone once became, tsc would leave there.
await clean();
const compiler = fileURLToPath(new URL("node_modules/typescript/bin/tsc", root));
execFileSync(process.execPath, [compiler, "--build"], { stdio: ["ignore", process.stderr, "inherit"] });
if (isBundled(source)) {
  await clean();
  bundle(source);
}

const manifest = publishedManifest(source);
for (const file of Object.values(manifest.bin ?? {})) {
  // Its first line has Node look for sources.
  const [, ...lines] = (await readFile(file, "utf8")).split("\n");
  await writeFile(file, ["#!/usr/bin/env node", ...lines].join("\n"));
}
await copyFile(new URL("LICENSE", root), "LICENSE");
await writeFile(keptManifest, text);
await writeFile("package.json", `${JSON.stringify(manifest, null, 2)}\n`);

async function clean(): Promise<void> {
  await rm("dist", { recursive: true, force: true });
  await rm("tsconfig.tsbuildinfo", { force: true });
}
