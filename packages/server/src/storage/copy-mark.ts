import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Instant } from "../domain/time/instant.ts";
import { ifPresent, ifPresentSync } from "../files/missing.ts";
import { syncPath, syncPathSync } from "../files/sync-path.ts";

/** Says of a data folder or a database that no server may use it, because of a copy of everything in it or to it. */
export interface CopyMark {
  /** Names the data that are copied: the same in each place that has them. */
  readonly copyId: string;
  /** `incomplete`: the target of a copy that has not ended. `moved`: the source of one that has, or is about to. */
  readonly state: "incomplete" | "moved";
  /** The other end, as operators call it. */
  readonly other: string;
  readonly at: Instant;
  /** For a target: whether rows of damaged segments may be there without their bytes. */
  readonly isFilled: boolean;
}

/** In a data folder. */
export const copyMarkName = "copy.json";

/** Null when there is none. Throws when it cannot be read. */
export function readCopyMark(folder: string): CopyMark | null {
  const path = join(folder, copyMarkName);
  const text = ifPresentSync(() => readFileSync(path, "utf8"));
  return text === null ? null : parseMark(text, path);
}

function parseMark(text: string, path: string): CopyMark {
  try {
    const { copyId, state, other, at, isFilled } = JSON.parse(text);
    const isWhole =
      typeof copyId === "string" &&
      (state === "incomplete" || state === "moved") &&
      typeof other === "string" &&
      Number.isSafeInteger(at) &&
      typeof isFilled === "boolean";
    if (isWhole) {
      return { copyId, state, other, at, isFilled };
    }
  } catch {
    // Reported below, with the other forms of damage.
  }
  throw new Error(`${path} is damaged: it says whether a copy of the folder is complete`);
}

/** Durable when it returns; a crash leaves the old one or the new one. */
export function writeCopyMark(folder: string, mark: CopyMark): void {
  const path = join(folder, copyMarkName);
  const partial = `${path}.partial`;
  const file = openSync(partial, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify(mark)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
  syncPathSync(folder);
}

/** Durable when it resolves. */
export async function removeCopyMark(folder: string): Promise<void> {
  await ifPresent(unlink(join(folder, copyMarkName)));
  await syncPath(folder);
}

/**
 * Says why no server may use it, and what to do.
 * @param name of the folder or the database.
 * @param place where the mark is, for an operator who removes it.
 */
export function refusalOf({ state, other, at }: CopyMark, name: string, place: string): string {
  const time = new Date(at).toISOString();
  return state === "incomplete"
    ? `${name} is the target of a copy from ${other} that is not complete: run the same moraine admin copy again`
    : `${name} was copied to ${other} at ${time}, and is to be served from there: two servers of the same vaults would ` +
        `change them differently. To serve it here after all, see that nobody serves the copy, and remove ${place}`;
}
