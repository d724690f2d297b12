import { bucketRow } from "../storage/metadata/postgres/bucket-row.ts";
import { readCopyMarkRow, removeCopyMarkRow, writeCopyMarkRow } from "../storage/metadata/postgres/copy-mark-row.ts";
import { removeAllNodes } from "../storage/metadata/postgres/node-rows.ts";
import type { ClusterPlace } from "./arguments.ts";
import { openSourceBucket } from "./buckets.ts";
import { assertNoNodes, connectTo, inTurn, openConnection } from "./cluster-connection.ts";
import { assertNotMoved, type CopySource, isSameCopy } from "./place.ts";

/** Opens the database and the bucket of a cluster whose nodes are stopped. */
export async function openClusterSource(place: ClusterPlace): Promise<CopySource> {
  const { database, blobs: bucketUrl } = place;
  const { name } = database;
  const started = new AsyncDisposableStack();
  try {
    const connection = await openConnection(place);
    started.defer(() => connection.close());
    await inTurn(connection, () => assertNoNodes(connection, name));
    const metadata = { name, bindings: bucketRow(() => connectTo(place)) };
    const { blobs, bound } = await openSourceBucket(bucketUrl, metadata, 0);
    started.defer(() => blobs.close());
    const mark = await readCopyMarkRow(connection);
    return {
      name,
      db: connection.db,
      blobs,
      bound,
      mark,
      fence: (moved) =>
        inTurn(connection, async () => {
          await assertNoNodes(connection, name);
          assertNotMoved(await readCopyMarkRow(connection), moved, name);
          // One that stood still and wakes finds that the database does not know it.
          await removeAllNodes(connection);
          await writeCopyMarkRow(connection, moved);
        }),
      unfence: (moved) =>
        inTurn(connection, async () => {
          const present = await readCopyMarkRow(connection);
          if (present !== null && isSameCopy(present, moved)) {
            await removeCopyMarkRow(connection);
          }
        }),
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}
