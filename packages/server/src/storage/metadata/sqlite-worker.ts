import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { invariant } from "../../domain/invariant.ts";
import { migrate } from "./migrations.ts";
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

const { role, path, mayCreate } = workerData as ThreadOptions;
invariant(parentPort !== null, "this module is the start of a worker thread");
const port = parentPort;
const run = role === "writer" ? runChanges : runQueries;
const connection = role === "writer" ? await openWriter() : openReading(path);

const waiting: NumberedRequest[] = [];
let closing = false;
let working = false;

port.on("message", (message: ToThread) => {
  take(message);
  if (!working) {
    // What rejects here is a database that failed: the thread ends by it, and its owner learns why.
    work().catch((error: unknown) =>
      setImmediate(() => {
        throw error;
      }),
    );
  }
});
post("open");

async function openWriter(): Promise<Connection> {
  const opened = openWriting(path, mayCreate);
  await migrate(opened, mayCreate);
  return opened;
}

/** Everything that has arrived goes into the next batch: while one is being synced, the next one gathers. */
async function work(): Promise<void> {
  working = true;
  for (takeArrived(); waiting.length > 0; takeArrived()) {
    const outcomes = await run(connection, waiting.slice(0, batchMax));
    const batch = waiting.splice(0, outcomes.length);
    post(batch.map(({ id }, index) => answerOf(id, outcomes[index] ?? { value: undefined })));
  }
  working = false;
  if (closing) {
    connection.database.close();
    port.close();
  }
}

function takeArrived(): void {
  for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
    take(next.message);
  }
}

function take(message: ToThread): void {
  if (message === "close") {
    closing = true;
  } else {
    waiting.push(...message);
  }
}

function post(message: FromThread): void {
  port.postMessage(message);
}
