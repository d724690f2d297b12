import { systemClock } from "../clock/clocks.ts";
import type { CopyMark } from "../storage/copy-mark.ts";
import { bucketRow } from "../storage/metadata/postgres/bucket-row.ts";
import { readCopyMarkRow, removeCopyMarkRow, writeCopyMarkRow } from "../storage/metadata/postgres/copy-mark-row.ts";
import type { PostgresConnection } from "../storage/metadata/postgres/postgres-connection.ts";
import { copiedTables } from "../storage/metadata/table-rows.ts";
import type { ClusterPlace } from "./arguments.ts";
import { openTargetBucket } from "./buckets.ts";
import { connectTo, inTransaction, inTurn, openConnection } from "./cluster-connection.ts";
import { assertNotElsewhere, assertOwnMark, CopyError, type CopyOrigin, type CopyTarget } from "./place.ts";
import { oneAfterTheOther } from "./turns.ts";

/** Opens an empty database, and a place of a bucket that is empty or has the archives, or those of the same copy that was interrupted; null when it was complete. */
export async function openClusterTarget(place: ClusterPlace, origin: CopyOrigin): Promise<CopyTarget | null> {
  const { database, blobs: bucketUrl } = place;
  const { name } = database;
  const started = new AsyncDisposableStack();
  try {
    const connection = await openConnection(place);
    started.defer(() => connection.close());
    const earlier = await claimDatabase(connection, name, origin);
    if (earlier === "complete") {
      await started.disposeAsync();
      return null;
    }
    const store = { name, bindings: bucketRow(() => connectTo(place)) };
    const { blobs, isInPlace, takeOver, isTakenOver } = await openTargetBucket(bucketUrl, store, origin);
    started.defer(() => blobs.close());
    const turns = oneAfterTheOther();
    const isResumed = earlier !== null;
    let isFilled = earlier?.isFilled ?? false;
    return {
      ...{ name, isResumed, isInPlace, isTakenOver, blobs, db: connection.db },
      // An object is replaced by one of the same bytes.
      clear: async () => undefined,
      write: (work) => turns(() => inCopy(connection, origin, () => work(connection.db))),
      get isFilled() {
        return isFilled;
      },
      async noteFilled() {
        await turns(() =>
          inCopy(connection, origin, (mark) => writeCopyMarkRow(connection, { ...mark, isFilled: true })),
        );
        isFilled = true;
      },
      finish: () =>
        turns(() =>
          inCopy(connection, origin, async () => {
            await continueNumbers(connection);
            await takeOver();
            await removeCopyMarkRow(connection);
          }),
        ),
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** Marks the database as the target of this copy. Resolves to the mark of an earlier run, if it was interrupted; null if there was none. */
function claimDatabase(
  connection: PostgresConnection,
  name: string,
  origin: CopyOrigin,
): Promise<CopyMark | "complete" | null> {
  const { copyId, sourceName } = origin;
  assertNotElsewhere(origin, name);
  return inTurn(connection, async () => {
    const mark = await readCopyMarkRow(connection);
    if (mark !== null) {
      assertOwnMark(mark, name, origin);
      return mark;
    }
    if (origin.movedTo !== null && (await hasRows(connection, "data_keys where id = $1", [copyId]))) {
      return "complete";
    }
    await assertEmptyDatabase(connection, name);
    const at = systemClock.now();
    await writeCopyMarkRow(connection, { copyId, state: "incomplete", other: sourceName, at, isFilled: false });
    return null;
  });
}

async function assertEmptyDatabase(connection: PostgresConnection, name: string): Promise<void> {
  for (const table of ["nodes", "bound_bucket", ...copiedTables.map((each) => each.name)]) {
    if (await hasRows(connection, table)) {
      throw new CopyError(`${name} is not empty (its table ${table} has rows): create another database for the copy`);
    }
  }
}

async function hasRows(connection: PostgresConnection, from: string, values: readonly unknown[] = []) {
  const { rows } = await connection.query(`select 1 from ${from} limit 1`, values);
  return rows.length > 0;
}

/** Once the copy is complete, nodes use the database: a run that was taken for dead must not change it then. */
function inCopy(
  connection: PostgresConnection,
  { copyId }: CopyOrigin,
  work: (mark: CopyMark) => Promise<void>,
): Promise<void> {
  return inTransaction(connection, async () => {
    const mark = await readCopyMarkRow(connection, true);
    if (mark === null || mark.copyId !== copyId) {
      throw new CopyError("The copy was completed by another run of the command meanwhile");
    }
    await work(mark);
  });
}

/** Rows with numbers of their own leave the counter of new ones where it was. */
async function continueNumbers(connection: PostgresConnection): Promise<void> {
  await connection.query(
    `select setval(pg_get_serial_sequence('scrub_queue', 'sequence'), coalesce(max(sequence), 0) + 1, false)
      from scrub_queue`,
  );
}
