import { setImmediate as nextTurn } from "node:timers/promises";
import type { NameOverride } from "../../names/name-override.ts";
import type { Catalog } from "../catalog.ts";

export interface RenameResult {
  readonly renamed: number;
  /** Rows about archives that the catalogue does not have. */
  readonly unknown: number;
}

const batchSize = 500;

/** Gives archives the paths of a file of names. An error in the file ends it; the rows before are applied. */
export async function renameArchives(
  catalog: Catalog,
  overrides: AsyncIterable<NameOverride>,
  { signal }: { readonly signal: AbortSignal },
): Promise<RenameResult> {
  const counts = { renamed: 0, unknown: 0 };
  let batch: NameOverride[] = [];
  const flush = async () => {
    signal.throwIfAborted();
    catalog.change(() => {
      for (const override of batch) {
        counts[catalog.archives.rename(override) ? "renamed" : "unknown"] += 1;
      }
    });
    batch = [];
    await nextTurn();
  };
  for await (const override of overrides) {
    batch.push(override);
    if (batch.length === batchSize) {
      await flush();
    }
  }
  await flush();
  return counts;
}
