import { openedRowKey } from "../auth/keyring.ts";
import type { WrappedDataKey } from "../domain/stores/identity-store.ts";
import { copiedTables, rowsAfter, type StoredTable } from "../storage/metadata/table-rows.ts";
import type { Database } from "../storage/metadata/tables/schema.ts";
import type { CopyArguments, Place } from "./arguments.ts";
import { openClusterSource } from "./cluster-source.ts";
import { openClusterTarget } from "./cluster-target.ts";
import { openFolderSource, sealingKeyOf } from "./folder-source.ts";
import { openFolderTarget } from "./folder-target.ts";
import { CopyError, type CopyOrigin, type CopySource, type CopyTarget } from "./place.ts";

/** Opens a source that no server uses, and which is no copy that was interrupted. */
export async function openSource(from: Place, makeTemporaryFolder: () => string): Promise<CopySource> {
  const source =
    from.kind === "folder" ? await openFolderSource(from, makeTemporaryFolder) : await openClusterSource(from);
  if (source.mark?.state === "incomplete") {
    await source[Symbol.asyncDispose]();
    throw new CopyError(`${source.name} is itself the target of a copy from ${source.mark.other} that is not complete`);
  }
  return source;
}

/** Reads what the target has to know. Throws when the sealing key is not the source's. */
export async function originOf(
  source: CopySource,
  { from, sealingKeyFile }: Pick<CopyArguments, "from" | "sealingKeyFile">,
): Promise<CopyOrigin> {
  const dataKeys = await dataKeysOf(source.db);
  const first = dataKeys.at(-1);
  if (first === undefined) {
    throw new CopyError(`${source.name} has no data: no server has ever used it`);
  }
  return {
    // It is made once, at random, and never changes.
    copyId: first.id,
    sourceName: source.name,
    movedTo: source.mark?.other ?? null,
    bound: source.bound,
    rowKey: openedRowKey(dataKeys, sealingKeyOf(from.kind === "folder" ? source.name : null, sealingKeyFile)),
  };
}

/** Null when an earlier run has completed the copy. */
export const openTarget = (to: Place, origin: CopyOrigin): Promise<CopyTarget | null> =>
  to.kind === "folder" ? openFolderTarget(to, origin) : openClusterTarget(to, origin);

const keysMax = 1000;

/** The newest first. */
async function dataKeysOf(db: Database): Promise<WrappedDataKey[]> {
  const table = copiedTables.find(({ name }) => name === "data_keys") as StoredTable;
  const rows = await rowsAfter(db, table, { after: null, limit: keysMax });
  return rows
    .map((row) => ({
      id: String(row["id"]),
      wrapped: row["wrapped"] as Uint8Array,
      createdAt: Number(row["created_at"]),
    }))
    .toSorted((one, other) => other.createdAt - one.createdAt || (one.id < other.id ? -1 : 1));
}
