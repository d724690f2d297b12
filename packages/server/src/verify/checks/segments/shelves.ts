import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import { probePrefix } from "../../../storage/blobs/probe.ts";
import type { OpenedFolder } from "../../open-folder.ts";
import type { Verification } from "../../verification.ts";

const folderPattern = /^[0-9a-f]{2}$/;

/** The folders `ab/cd` that there are files or rows for, in order. Reports other files on the way. */
export async function* shelvesOf(
  verification: Verification,
  { path, database, isRunning }: OpenedFolder,
): AsyncGenerator<string, void, void> {
  const blobs = join(path, "blobs");
  const nextRow = database.prepare(
    "SELECT name FROM segments WHERE name >= ? AND length(name) = 14 ORDER BY name LIMIT 1",
  );
  for (let first = 0; first <= 0xff; first += 1) {
    const outer = hexOf(first);
    const seconds = new Set((await foldersIn(verification, blobs, outer)).map((name) => Number.parseInt(name, 16)));
    for (const second of secondsOfRows(nextRow, first)) {
      seconds.add(second);
    }
    for (const second of [...seconds].sort((one, other) => one - other)) {
      yield `${outer}/${hexOf(second)}`;
    }
  }
  for (const name of await readdir(blobs)) {
    if (!folderPattern.test(name) && !(name.startsWith(probePrefix) && isRunning)) {
      verification.found({ code: "file-unknown", message: "the file is no folder of segments", file: `blobs/${name}` });
    }
  }
}

/** Jumps from folder to folder in the index of names. */
function* secondsOfRows(nextRow: StatementSync, first: number): Generator<number, void> {
  for (let second = 0; second <= 0xff; ) {
    const name = nextRow.get(Buffer.of(first, second))?.["name"] as Uint8Array | undefined;
    if (name?.[0] !== first) {
      return;
    }
    yield name[1] ?? 0;
    second = (name[1] ?? 0) + 1;
  }
}

async function foldersIn(verification: Verification, blobs: string, outer: string): Promise<string[]> {
  const names = await readdir(join(blobs, outer)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") {
      return [];
    }
    throw error;
  });
  for (const name of names.filter((name) => !folderPattern.test(name))) {
    verification.found({
      code: "file-unknown",
      message: "the file is no folder of segments",
      file: `blobs/${outer}/${name}`,
    });
  }
  return names.filter((name) => folderPattern.test(name));
}

const hexOf = (byte: number): string => byte.toString(16).padStart(2, "0");
