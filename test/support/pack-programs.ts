import { createHash } from "node:crypto";
import { copyFile, glob, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { bundle } from "../../packing/bundle.ts";
import { repositoryRoot } from "./server-process.ts";

// Packs the programs that tests start, as they are published, into the folder of the first argument, unless they are there already.

/** Programs of tests that use the server's threads, which are found next to them. */
const children = ["metadata-child", "large-change-child"];
const sources = ["packages/*/package.json", "packages/*/src/**", "packing/*", "test/support/**", "package-lock.json"];

const folder = resolve(process.argv[2] ?? "");
const stampFile = join(folder, "packed-from");
const stamp = await stampOf(sources);
if (stamp !== (await readFile(stampFile, "utf8").catch(() => null))) {
  await rm(folder, { recursive: true, force: true });
  const childFile = (name: string) => join(repositoryRoot, `test/support/disk-rig/${name}.ts`);
  await pack("server", Object.fromEntries(children.map((name) => [name, childFile(name)])));
  await pack("cli");
  await writeFile(stampFile, stamp);
}

/** @param more programs in addition to those that are published */
async function pack(part: "cli" | "server", more: Readonly<Record<string, string>> = {}): Promise<void> {
  const source = join(repositoryRoot, "packages", part);
  const manifest = join(source, "package.json");
  bundle(JSON.parse(await readFile(manifest, "utf8")), source, join(folder, part, "dist"), more);
  await copyFile(manifest, join(folder, part, "package.json"));
}

/** Says which files there are, and when they were changed. */
async function stampOf(patterns: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for await (const name of glob(patterns, { cwd: repositoryRoot })) {
    const { mtimeMs, size } = await stat(join(repositoryRoot, name));
    hash.update(`${name} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex");
}
