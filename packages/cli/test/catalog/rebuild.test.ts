import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Catalog } from "../../src/catalog/catalog.ts";
import { CatalogError } from "../../src/catalog/catalog-error.ts";
import { createCatalog, finishKilledRebuild, openCatalog } from "../../src/catalog/opening/open-catalog.ts";
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
  test(`a catalogue that is made again keeps its costs, whenever that is killed, and started${how}`, async () => {
    let kills = 0;
    for (let isKilled = true; isKilled; kills += 1) {
      using file = killedCatalog();
      isKilled = rebuildUntilKilled(file.path, kills + 1);
      const message = `killed before file ${kills + 1} was renamed`;
      await finishKilledRebuild(toolsOfCatalog, "photos", { catalog: file.path });
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

test("a catalogue that is set aside keeps its log, also where the names of earlier ones have a gap", () => {
  using file = killedCatalog();
  const older = `${file.path}.old-2`;
  {
    using catalog = Catalog.open(older, vault);
    catalog.costs.add("jobs Bulk", 7);
  }
  createCatalog(toolsOfCatalog, "photos", { catalog: file.path, rebuild: true })[Symbol.dispose]();
  for (const [path, costs] of [
    [file.path, expected],
    [`${file.path}.old`, expected],
    [older, { "jobs Bulk": 7 }],
  ] as const) {
    using catalog = Catalog.open(path, vault);
    assert.deepEqual(costsOf(catalog), costs, path);
  }
});

test("a catalogue that is being made again is not used before it is in its place", async () => {
  using file = killedCatalog();
  assert.ok(rebuildUntilKilled(file.path, 2));
  const options = { catalog: file.path };
  assert.throws(() => openCatalog(toolsOfCatalog, "photos", options), isBeingMade);
  assert.throws(() => createCatalog(toolsOfCatalog, "photos", options), isBeingMade);
  await finishKilledRebuild(toolsOfCatalog, "photos", options);
  using catalog = openCatalog(toolsOfCatalog, "photos", options);
  assert.deepEqual(costsOf(catalog), expected);
});

/** The same, after a process that ended in order. */
function closedCatalog(): ReturnType<typeof catalogFile> {
  const file = catalogFile();
  using catalog = Catalog.open(file.path, vault);
  catalog.costs.add("jobs Bulk", 5000);
  return file;
}

for (const make of [killedCatalog, closedCatalog]) {
  test(`a catalogue whose costs cannot be read for a moment is not replaced: ${make.name}`, () => {
    using file = make();
    using other = new DatabaseSync(file.path);
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    assert.throws(
      () => createCatalog(toolsOfCatalog, "photos", { catalog: file.path, rebuild: true }),
      /is locked by another process/,
    );
    const left = readdirSync(dirname(file.path)).filter((name) => /rebuil|old/.test(name));
    assert.deepEqual(left, []);
  });
}

const isBeingMade = (error: unknown) => error instanceof CatalogError && /is being made again/.test(error.message);
