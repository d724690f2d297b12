import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { DiskRig } from "./support/disk-rig/rig.ts";
import type { TraceEvent } from "./support/disk-rig/trace.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const kept = ["above", "data", "blobs", "moraine.db", "history.json", "secrets.key"];

test("a first start syncs the folder of each name that it makes, before it makes the next one there", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await mkdir(root);
  const rig = await DiskRig.create(folder.path, root);
  await using server = await startServer({ dataFolder: join(root, "above", "data"), environment: rig.environment });
  await server.stop();
  const events = await rig.events();
  const made = events.filter((event) => isNaming(event) && kept.includes(basename(event.path)));
  assert.deepEqual(new Set(made.map(({ path }) => basename(path))), new Set(kept));
  const unsynced = made.filter((event) => !isSyncedInTime(event, events.slice(events.indexOf(event) + 1)));
  assert.deepEqual(
    unsynced.map(({ path }) => basename(path)),
    [],
  );
});

const isNaming = ({ kind }: TraceEvent): boolean => ["create", "link", "mkdir", "rename"].includes(kind);

function isSyncedInTime({ path }: TraceEvent, later: readonly TraceEvent[]): boolean {
  const folder = dirname(path);
  const next = later.find(
    (event) =>
      (event.kind === "sync-end" && event.path === folder) || (isNaming(event) && dirname(event.path) === folder),
  );
  return next?.kind === "sync-end";
}
