import type { DatabaseSync } from "node:sqlite";
import { StorageFullError } from "../../../domain/stores/blob-store.ts";
import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import { forgetWritten, invoke, type Outcome, type Request } from "../run-method.ts";
import { changes, queries } from "../statements.ts";
import { recordChange } from "../tables/audit-chain.ts";
import { dataSizeBytes } from "./data-size.ts";
import type { Connection } from "./sqlite-connection.ts";
import { failureOf, isSqliteError } from "./sqlite-failure.ts";

/** Answers are handed over before they take more: a thread's heap is small, and answers may be lists. */
const answersSizeBytesMax = 1024 * 1024;

/**
 * Runs all changes in one transaction, so that they share one sync to the disk; one that fails leaves nothing behind and
 * does not disturb the others. Nothing is known to be kept before this resolves.
 *
 * @param onCommit called with the time that the commit took, its sync included.
 *
 * A full disk fails them all, and passes. Rejects when the database failed: then it is unknown whether they were kept,
 * and the connection must not be used again.
 */
export async function runChanges(
  connection: Connection,
  requests: readonly Request[],
  onCommit: (seconds: number) => void = () => undefined,
): Promise<Outcome[]> {
  const { database } = connection;
  // The last transaction may have been rolled back.
  forgetWritten(connection.db);
  try {
    database.exec("BEGIN IMMEDIATE");
    const outcomes: Outcome[] = [];
    for (const request of requests) {
      outcomes.push(await runChange(connection, request));
    }
    const start = performance.now();
    database.exec("COMMIT");
    onCommit((performance.now() - start) / 1000);
    return outcomes;
  } catch (cause) {
    const error = passingError(cause, connection);
    rollBack(database);
    return requests.map(() => ({ error }));
  }
}

/**
 * Runs queries on one snapshot, taken when it begins: all of them, or the first ones, if their responses are large. There is an
 * outcome for each that was run.
 */
export async function runQueries({ database, db }: Connection, requests: readonly Request[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let sizeBytes = 0;
  database.exec("BEGIN");
  for (const { method, input } of requests) {
    const outcome = await outcomeOf(() => invoke(queries, method, db, input));
    outcomes.push(outcome);
    sizeBytes += "value" in outcome ? dataSizeBytes(outcome.value) : 0;
    if (sizeBytes >= answersSizeBytesMax) {
      break;
    }
  }
  // Nothing to commit; and unlike COMMIT, this also ends a transaction that has met damage.
  rollBack(database);
  return outcomes;
}

async function runChange(connection: Connection, { method, input, facts }: Request): Promise<Outcome> {
  const { database, db, path } = connection;
  database.exec("SAVEPOINT change");
  try {
    const value = await invoke(changes, method, db, input);
    if (facts !== undefined) {
      await recordChange(db, { method, input, value, facts }, database);
    }
    database.exec("RELEASE change");
    return { value };
  } catch (error) {
    if (failureOf(error, path) !== "statement") {
      throw error;
    }
    database.exec("ROLLBACK TO change");
    database.exec("RELEASE change");
    forgetWritten(db);
    return { error };
  }
}

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error: isSqliteError(error) ? unavailable(error) : error };
  }
}

/** SQLite ends a transaction by itself after some errors. */
function rollBack(database: DatabaseSync): void {
  if (database.isTransaction) {
    database.exec("ROLLBACK");
  }
}

/** The error of an entire batch, if the store continues after it. */
function passingError(cause: unknown, { path }: Connection): Error {
  switch (failureOf(cause, path)) {
    case "full":
      return new StorageFullError("The disk of the metadata has no room", { cause });
    case "busy":
      return unavailable(cause);
    default:
      throw cause;
  }
}

function unavailable(cause: unknown): MetadataUnavailableError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MetadataUnavailableError(`The metadata store failed: ${reason}`, { cause });
}
