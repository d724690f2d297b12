import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Catalog } from "../../src/catalog/catalog.ts";
import { createCatalog } from "../../src/catalog/opening/open-catalog.ts";
import { catalogFile, temporaryCatalog, toolsOfCatalog, vault } from "../support/catalogs.ts";

const child = fileURLToPath(new URL("../support/rebuild-child.ts", import.meta.url));

/** Returns whether the process was killed before its file of that number was renamed, and not done without. */
function rebuildUntilKilled(path: string, killBefore: number): boolean {
  const args = ["--conditions=@moraine/source", child, path, String(killBefore)];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.ok(status === 0 || signal === "SIGKILL", stderr);
  return signal === "SIGKILL";
}

/** A catalogue whose costs are in SQLite's log, as a process leaves it that was killed. */
function killedCatalog(): ReturnType<typeof catalogFile> {
  const file = catalogFile();
  using opened = temporaryCatalog();
  opened.catalog.costs.add("jobs Bulk", 5000);
  for (const end of ["", "-wal"]) {
    copyFileSync(opened.path + end, file.path + end);
  }
  return file;
}

const costsOf = (catalog: Catalog) => Object.fromEntries(catalog.costs.all());
const expected = { "jobs Bulk": 5000 };

for (const [how, options] of [
  ["", {}],
  [" again", { rebuild: true }],
] as const) {
  test(`a catalogue that is made again keeps its costs, whenever that is killed, and started${how}`, () => {
    let kills = 0;
    for (let isKilled = true; isKilled; kills += 1) {
      using file = killedCatalog();
      isKilled = rebuildUntilKilled(file.path, kills + 1);
      const message = `killed before file ${kills + 1} was renamed`;
      {
        using catalog = createCatalog(toolsOfCatalog, "photos", { catalog: file.path, ...options });
        assert.deepEqual(costsOf(catalog), expected, message);
      }
      for (const aside of [`${file.path}.old`, `${file.path}.old-2`].filter((each) => existsSync(each))) {
        using catalog = Catalog.open(aside, vault);
        assert.deepEqual(costsOf(catalog), expected, `${message}: ${aside}`);
      }
    }
    assert.ok(kills > 2, `${kills} files were renamed`);
  });
}
