import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "../content.ts";
import { GlacierHttp, type InventoryEntry } from "../glacier-http.ts";
import { startServer } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { fill } from "../verify/filled-folder.ts";
import { copyOf } from "../verify/folders.ts";
import { backUp } from "./programs.ts";

export interface States extends AsyncDisposable {
  /** A data folder, and the same one later: some archives were deleted and removed, others were stored. */
  readonly early: string;
  readonly late: string;
  /** A folder with two backups of the early state. */
  readonly backups: string;
  /** Archives of the late state, single ones in the vault `other`. */
  readonly lateIds: readonly string[];
}

const vault = "other";
const removalMillisecondsMax = 20_000;

export async function twoStates(): Promise<States> {
  const place = await temporaryFolder();
  const [early, late, backups] = ["early", "late", "backups"].map((name) => join(place.path, name)) as [
    string,
    string,
    string,
  ];
  await extend(early, 1, true);
  await copyOf(early, late);
  await backUp({ dataFolder: early, target: backups });
  await backUp({ dataFolder: early, target: backups });
  const lateIds = await extend(late, 2);
  return { early, late, backups, lateIds, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

/** Stores archives, and removes the ones of the earlier call with their bytes. */
async function extend(dataFolder: string, seed: number, isFirst = false): Promise<string[]> {
  await using server = await startServer({ dataFolder, flags: ["--deleted-grace", "0", "--inventory-delay", "0"] });
  const http = new GlacierHttp(server.url);
  try {
    if (isFirst) {
      await fill(http);
    }
    const listed = await http.inventory(vault);
    const deleted = listed.filter((entry) => entry.ArchiveDescription.startsWith("stored"));
    for (const { ArchiveId } of deleted) {
      await http.deleteArchive(vault, ArchiveId);
    }
    await untilRemoved(dataFolder, deleted);
    const stored: string[] = [];
    for (const index of [1, 2, 3]) {
      stored.push(await http.uploadArchive(vault, contentOf(100 * seed + index, 5000), `stored ${index}`));
    }
    return stored;
  } finally {
    http.close();
    await server.stop();
  }
}

/** The sweeper's rounds are a second apart. */
async function untilRemoved(dataFolder: string, deleted: readonly InventoryEntry[]): Promise<void> {
  const areLeft = async () => {
    const names = await readdir(join(dataFolder, "blobs"), { recursive: true });
    return deleted.some(({ ArchiveId }) => names.some((name) => name.includes(ArchiveId)));
  };
  for (const end = performance.now() + removalMillisecondsMax; await areLeft(); ) {
    assert.ok(performance.now() < end, "the bytes of deleted archives are removed");
    await sleep(50);
  }
}
