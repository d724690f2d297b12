import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { createCatalog } from "../../src/catalog/opening/open-catalog.ts";
import { toolsOfCatalog } from "./catalogs.ts";

// Makes a catalogue again, and kills itself before one of the files is renamed.

const [path = "", killBefore = ""] = process.argv.slice(2);
const { renameSync } = fs;
let renames = 0;
fs.renameSync = (from, to) => {
  renames += 1;
  if (renames === Number(killBefore)) {
    process.kill(process.pid, "SIGKILL");
  }
  renameSync(from, to);
};
syncBuiltinESMExports();
createCatalog(toolsOfCatalog, "photos", { catalog: path, rebuild: true })[Symbol.dispose]();
