import { join } from "node:path";
import type { RemovalFailure } from "../../domain/stores/blob-store.ts";
import { ifPresent } from "../../files/missing.ts";
import { partsOf } from "./blob-key.ts";
import type { Disk } from "./disk.ts";
import type { FolderSyncs } from "./folder-syncs.ts";
import { forEach } from "./for-each.ts";

/** Each takes one of the threads that all file operations share, so that others still get their turn. */
const atOnceMax = 32;

interface Removal {
  readonly disk: Pick<Disk, "unlink">;
  readonly folderSyncs: FolderSyncs;
  /** The folder that holds the shelves. */
  readonly blobs: string;
}

/** Unlinks many files at once, and then syncs each of their folders once. Resolves to those that failed; never rejects. */
export async function removeFiles(
  keys: readonly string[],
  { disk, folderSyncs, blobs }: Removal,
): Promise<RemovalFailure[]> {
  const failures: RemovalFailure[] = [];
  const keysByShelf = new Map<string, string[]>();
  await forEach(keys, atOnceMax, async (key) => {
    try {
      const { shelf } = partsOf(key);
      await ifPresent(disk.unlink(join(blobs, key)));
      // Synced also when the name was already gone: a process that unlinked it may have died before the sync.
      const unlinked = keysByShelf.get(shelf) ?? [];
      keysByShelf.set(shelf, unlinked);
      unlinked.push(key);
    } catch (error) {
      failures.push({ key, error });
    }
  });
  await forEach([...keysByShelf], atOnceMax, async ([shelf, unlinked]) => {
    try {
      await ifPresent(folderSyncs.sync(join(blobs, shelf)));
    } catch (error) {
      failures.push(...unlinked.map((key) => ({ key, error })));
    }
  });
  return failures;
}
