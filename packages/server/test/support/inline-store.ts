import type { AuditFacts } from "../../src/domain/audit.ts";
import type { RowSecret, SealedKeys } from "../../src/domain/stores/identity-store.ts";
import {
  type DamagedRow,
  type MetadataStore,
  MetadataUnavailableError,
} from "../../src/domain/stores/metadata-store.ts";
import type { StoreMethod } from "../../src/domain/stores/recorded-changes.ts";
import { methodThreads, type ThreadName } from "../../src/storage/metadata/method-threads.ts";
import { migrate } from "../../src/storage/metadata/migrations/migrate.ts";
import type { Outcome } from "../../src/storage/metadata/run-method.ts";
import { beginGeneration, endGeneration, type HistoryOptions } from "../../src/storage/metadata/sqlite/generation.ts";
import { Checkpoints } from "../../src/storage/metadata/sqlite/log/checkpoints.ts";
import { moveWholeLog } from "../../src/storage/metadata/sqlite/log/move-log.ts";
import { sealedKeysOf } from "../../src/storage/metadata/sqlite/sealed-keys.ts";
import { openWriting } from "../../src/storage/metadata/sqlite/sqlite-connection.ts";
import { runChanges, runQueries } from "../../src/storage/metadata/sqlite/sqlite-transactions.ts";
import { rowSecret } from "./row-secret.ts";

interface InlineStoreOptions {
  /** @default ignored */
  readonly onDamagedRow?: (row: DamagedRow) => void;
  /** @default that of the tests: another where a server has written the file */
  readonly openSecret?: (sealed: SealedKeys) => Promise<RowSecret>;
  /** Where the history of the file is kept, if it is the database of a data folder. */
  readonly history?: HistoryOptions | null;
}

/**
 * Runs every method on the calling thread, one after the other: for tests, and for filling a database.
 * @param path a file, or `:memory:`.
 */
export async function openInlineStore(path: string, options: InlineStoreOptions = {}): Promise<MetadataStore> {
  const { onDamagedRow = () => undefined, openSecret = rowSecret, history = null } = options;
  const connection = openWriting(path, true);
  moveWholeLog(connection, "RESTART");
  const secret = await openSecret(sealedKeysOf(connection.database));
  await migrate(connection, { mayCreate: true, secret, onDamagedRow });
  if (history !== null) {
    await beginGeneration(connection, history);
  }
  const checkpoints = new Checkpoints(connection);
  const runs = { lookups: runQueries, lists: runQueries, writer: runChanges };
  // A method waits in microtasks, between which another caller's could slip into its transaction.
  let previous: Promise<unknown> = Promise.resolve();

  function call(method: string, thread: ThreadName, input: unknown, facts?: AuditFacts): Promise<unknown> {
    const result = previous.then(async () => {
      if (!connection.database.isOpen) {
        throw new MetadataUnavailableError("The metadata store is closed");
      }
      const [outcome] = await runs[thread](connection, [{ method, input, facts }]);
      if (thread === "writer") {
        checkpoints.runIfDue();
      }
      return settled(outcome);
    });
    previous = result.catch(() => undefined);
    return result;
  }

  const methods = Object.entries(methodThreads).map(([method, thread]) => [
    method,
    ((input, facts) => call(method, thread, input, facts)) satisfies StoreMethod,
  ]);
  const close = async () => {
    await previous;
    if (connection.database.isOpen) {
      await (history === null ? checkpoints.finish() : endGeneration(connection, history));
      connection.database.close();
    }
  };
  return { ...Object.fromEntries(methods), close };
}

function settled(outcome: Outcome | undefined): unknown {
  if (outcome === undefined || "error" in outcome) {
    throw outcome?.error;
  }
  return outcome.value;
}
