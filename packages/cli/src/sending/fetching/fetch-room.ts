import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import type { TargetCopies } from "../../catalog/tables/copy-table.ts";
import type { FolderTarget } from "../../targets/folder/folder-target.ts";
import { TargetFullError } from "../../targets/target.ts";
import { fetchedNames } from "./fetched-files.ts";

/** Throws TargetFullError if the folder has less room than the files need that it lacks. Called before a job is paid for. */
export async function assertRoom(
  folder: Pick<FolderTarget, "url" | "freeBytes" | "bytesToStore">,
  copies: Pick<TargetCopies, "get">,
  archives: AsyncIterable<readonly CatalogArchive[]>,
  { bytes, signal }: { readonly bytes: number; readonly signal: AbortSignal },
): Promise<void> {
  const freeBytes = await folder.freeBytes();
  // Most often there is room for all of them, and no file has to be looked at.
  if (freeBytes === null || freeBytes >= bytes) {
    return;
  }
  let needed = 0;
  for await (const batch of archives) {
    signal.throwIfAborted();
    for (const archive of batch) {
      const planned = copies.get(archive.number)?.path;
      const names = new Set([...(planned === undefined ? [] : [planned]), ...fetchedNames(archive)]);
      const sizes = await Promise.all([...names].map((path) => folder.bytesToStore({ ...archive, path })));
      needed += Math.min(...sizes);
    }
  }
  if (needed > freeBytes) {
    throw new TargetFullError(
      `No room in ${folder.url}: ${freeBytes} bytes are free, and ${needed} are to be fetched; nothing was requested`,
    );
  }
}

/** Ends a run when its folder is full. On a terminal, where somebody can free some space, it waits for that instead. */
export class FullFolder {
  readonly #stop = new AbortController();
  readonly #endsRun: boolean;

  constructor({ endsRun }: { readonly endsRun: boolean }) {
    this.#endsRun = endsRun;
  }

  /** Aborts with a TargetFullError. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Passes the result of work on, and its error, which it looks at. */
  async watch<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      if (this.#endsRun && error instanceof TargetFullError) {
        this.#stop.abort(error);
      }
      throw error;
    }
  }
}
