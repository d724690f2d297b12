import { existsSync, renameSync, rmSync } from "node:fs";
import { Catalog, type VaultIdentity } from "../catalog.ts";
import { carryCosts } from "./carry-costs.ts";

/** A catalogue and SQLite's log, without which the last changes would be missing. */
const ends = ["", "-wal", "-shm"] as const;
const [, ...logEnds] = ends;

/**
 * Puts an empty catalogue in the place of one, with its costs. Nothing is replaced, since the earlier file may be the only one with them. A kill
 * leaves the earlier catalogue, or what `finishRebuild` puts in its place.
 *
 * @returns the new name of the earlier file, and whether it could be read what was paid for
 */
export function rebuild(path: string, vault: VaultIdentity): { readonly aside: string; readonly hasCosts: boolean } {
  const replacement = replacementOf(path);
  for (const end of ends) {
    rmSync(replacement + end, { force: true });
  }
  const hasCosts = replace(replacement, vault, path);
  const aside = asideOf(path, countAside(path) + 1);
  renameSync(path, aside);
  finishRebuild(path);
  return { aside, hasCosts };
}

/** Puts the catalogue in its place for which a process that was killed has set another one aside. There may be none. */
export function finishRebuild(path: string): void {
  if (existsSync(path) || !existsSync(replacementOf(path))) {
    return;
  }
  const aside = asideOf(path, countAside(path));
  for (const end of logEnds.filter((each) => existsSync(path + each))) {
    renameSync(path + end, aside + end);
  }
  renameSync(replacementOf(path), path);
}

/** Creates a catalogue as one file: closing it moves SQLite's log into it. */
function replace(replacement: string, vault: VaultIdentity, earlier: string): boolean {
  using catalog = Catalog.open(replacement, vault);
  return carryCosts(earlier, catalog);
}

const replacementOf = (path: string): string => `${path}.rebuilding`;
const asideOf = (path: string, number: number): string => (number === 1 ? `${path}.old` : `${path}.old-${number}`);

function countAside(path: string): number {
  let count = 0;
  while (existsSync(asideOf(path, count + 1))) {
    count += 1;
  }
  return count;
}
