import { existsSync, renameSync, rmSync } from "node:fs";
import { Catalog, type VaultIdentity } from "../catalog.ts";
import { CatalogDatabase } from "../catalog-database.ts";
import { CatalogError } from "../catalog-error.ts";
import { carryCosts } from "./carry-costs.ts";

/** SQLite's log, without which the last changes would be missing. */
const logEnds = ["-wal", "-shm"] as const;

/**
 * Puts an empty catalogue in the place of one, with its costs. Nothing is replaced, since the earlier file may be the only one with them. A kill
 * or a failure leaves the earlier catalogue, or one that `finishRebuild` puts in its place. For a process that holds the catalogue's lock.
 *
 * @returns the new name of the earlier file, and whether it could be read what was paid for
 */
export function rebuild(path: string, vault: VaultIdentity): { readonly aside: string; readonly hasCosts: boolean } {
  const draft = `${path}.rebuilding`;
  removeDraft(draft);
  try {
    const hasCosts = replace(draft, vault, path);
    assertOneFile(draft);
    renameSync(draft, rebuiltOf(path));
    return { aside: finishRebuild(path), hasCosts };
  } catch (error) {
    removeDraft(draft);
    throw error;
  }
}

/** Whether a process that ended, or one that runs, has made a catalogue that is not in its place yet. */
export const isRebuilt = (path: string): boolean => existsSync(rebuiltOf(path));

/**
 * Puts a catalogue that was made again in its place. The log of the earlier one is moved before its file, so that a file in the place never meets
 * the log of another. For a process that holds the catalogue's lock.
 *
 * @returns the new name of the earlier file
 */
export function finishRebuild(path: string): string {
  const aside = asideOf(path);
  for (const end of [...logEnds, ""].filter((each) => existsSync(path + each))) {
    renameSync(path + end, aside + end);
  }
  renameSync(rebuiltOf(path), path);
  return aside;
}

const rebuiltOf = (path: string): string => `${path}.rebuilt`;

/** The first free name. A run that was killed may have given its log away already, and the file follows. */
function asideOf(path: string): string {
  const isTaken = (name: string) =>
    existsSync(name) || logEnds.some((end) => existsSync(name + end) && existsSync(path + end));
  let aside = `${path}.old`;
  for (let number = 2; isTaken(aside); number += 1) {
    aside = `${path}.old-${number}`;
  }
  return aside;
}

function removeDraft(draft: string): void {
  for (const end of ["", ...logEnds]) {
    rmSync(draft + end, { force: true });
  }
}

function replace(draft: string, vault: VaultIdentity, earlier: string): boolean {
  using catalog = Catalog.open(draft, vault);
  return carryCosts(earlier, catalog);
}

/** Moves SQLite's log into the file. Closing it does so as well, but says nothing when the disk is full. */
function assertOneFile(draft: string): void {
  {
    using database = new CatalogDatabase(draft);
    database.get("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  if (existsSync(`${draft}-wal`)) {
    throw new CatalogError(`${draft} could not be written whole: run the same command again`);
  }
}
