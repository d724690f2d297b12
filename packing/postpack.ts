import { rename, rm } from "node:fs/promises";
import { keptManifest } from "./published-manifest.ts";

// Undoes what prepack.ts did to the package's folder.

await rename(keptManifest, "package.json");
await rm("LICENSE");
