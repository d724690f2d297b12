import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "../../../packing/bundle.ts";
import { publishedManifest } from "../../../packing/published-manifest.ts";
import { repositoryRoot } from "../../support/server-process.ts";

// Packs one package as it is published, but for its compiled form, which test/system/packages.test.ts makes and installs.
// Arguments: the name of its folder in packages/, and the folder for it.

const [name = "", folder = ""] = process.argv.slice(2);
const source = join(repositoryRoot, "packages", name);
const manifest = JSON.parse(await readFile(join(source, "package.json"), "utf8"));
bundle(manifest, source, join(folder, "dist"));
await writeFile(join(folder, "package.json"), JSON.stringify(publishedManifest(manifest)));
