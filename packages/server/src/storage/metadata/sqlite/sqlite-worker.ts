import { once } from "node:events";
import { dirname } from "node:path";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { invariant } from "../../../domain/invariant.ts";
import type { RowSecret } from "../../../domain/stores/identity-store.ts";
import type { DamagedRow } from "../../../domain/stores/metadata-store.ts";
import { syncPathSync } from "../../../files/sync-path.ts";
import { createTables, migrate } from "../migrations/migrate.ts";
import type { Outcome } from "../run-method.ts";
import { beginGeneration, endGeneration, type HistoryReport } from "./generation.ts";
import { Checkpoints } from "./log/checkpoints.ts";
import { moveWholeLog } from "./log/move-log.ts";
import { sealedKeysOf } from "./sealed-keys.ts";
import { type Connection, openReading, openWriting } from "./sqlite-connection.ts";
import {
  answerOf,
  type FromThread,
  type NumberedRequest,
  type ThreadOptions,
  type ToThread,
} from "./sqlite-messages.ts";
import { runChanges, runQueries } from "./sqlite-transactions.ts";

/** Bounds how long the first change of a batch waits for the last. */
const batchMax = 256;

const { role, path, mayCreate, logLimits, history, rowKey } = workerData as ThreadOptions;
invariant(parentPort !== null, "this module is the start of a worker thread");
const port = parentPort;
const { connection, report } =
  rowKey === null ? await openWriter() : { connection: openReading(path, { key: rowKey, onDamagedRow }), report: null };
/** The writer's alone. */
const checkpoints = role === "writer" ? new Checkpoints(connection, logLimits) : null;

const waiting: NumberedRequest[] = [];
/** The time of the present batch's commit; null while there is none. */
let commitSeconds: number | null = null;
let finishing = false;
let closing = false;
let working = false;

port.on("message", (message: ToThread) => {
  take(message);
  if (!working) {
    // A rejection here is a failed database: it ends the thread, and the owner gets the error.
    work().catch((error: unknown) =>
      setImmediate(() => {
        throw error;
      }),
    );
  }
});
post({ opened: report });

async function openWriter(): Promise<{ connection: Connection; report: HistoryReport | null }> {
  const opened = openWriting(path, mayCreate);
  // SQLite syncs the folder with the first sync of the log that it has made, but ignores whether that fails.
  syncPathSync(dirname(path));
  moveWholeLog(opened, "RESTART");
  await createTables(opened, mayCreate);
  post({ sealed: sealedKeysOf(opened.database) });
  const [secret] = (await once(port, "message")) as [RowSecret];
  await migrate(opened, { mayCreate, secret, onDamagedRow });
  return { connection: opened, report: history === null ? null : await beginGeneration(opened, history) };
}

/** Everything that has arrived goes into the next batch: while one is being synced, the next one gathers. */
async function work(): Promise<void> {
  working = true;
  for (takeArrived(); waiting.length > 0; takeArrived()) {
    const outcomes = await run(waiting.slice(0, batchMax));
    const batch = waiting.splice(0, outcomes.length);
    const answers = batch.map(({ id }, index) => answerOf(id, outcomes[index] ?? { value: undefined }));
    post({ answers, commitSeconds });
    checkpoints?.runIfDue();
  }
  if (finishing) {
    finishing = false;
    post({ finished: await finish() });
  }
  working = false;
  if (closing) {
    connection.database.close();
    port.close();
  }
}

async function run(batch: readonly NumberedRequest[]): Promise<Outcome[]> {
  commitSeconds = null;
  const refusal = checkpoints?.refusal() ?? null;
  if (refusal !== null) {
    return batch.map(() => ({ error: refusal }));
  }
  return role === "writer" ? runChanges(connection, batch, noteCommit) : runQueries(connection, batch);
}

function noteCommit(seconds: number): void {
  commitSeconds = seconds;
}

/** False on a full disk, say, which must not keep the service from ending: the next start finds a generation that is open. */
async function finish(): Promise<boolean> {
  if (history === null) {
    checkpoints?.finish();
    return true;
  }
  return endGeneration(connection, history);
}

function onDamagedRow(damagedRow: DamagedRow): void {
  post({ damagedRow });
}

function takeArrived(): void {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    take(next.message);
  }
}

function take(message: ToThread): void {
  if (message === "close") {
    closing = true;
  } else if (message === "finish") {
    finishing = true;
  } else if (Array.isArray(message)) {
    waiting.push(...message);
  }
}

function post(message: FromThread): void {
  port.postMessage(message);
}
