import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { sleep } from "../../../clock/sleep.ts";
import { invariant } from "../../../domain/invariant.ts";
import { RowHasher } from "../tables/row-macs/row-hasher.ts";
import type { CheckedDatabase, CheckMessage } from "./background-check.ts";
import { findDamage } from "./database-check.ts";
import { openReadOnly } from "./sqlite-database.ts";

// Checks the database of its `workerData` with a connection of its own, one step after another, and posts what it finds. Any
// message to it ends it after the running step.

const lowestPriority = 19;
/** The pause after a step is this many times as long as the step: others come first. */
const restFactor = 3;
const pauseMillisecondsMin = 5;

invariant(parentPort !== null, "this module is the start of a worker thread");
const port = parentPort;
const stopping = new AbortController();
port.once("message", () => stopping.abort());
if (process.platform === "linux") {
  // It affects the calling thread alone there.
  setPriority(lowestPriority);
}

const { path, rowKey } = workerData as CheckedDatabase;
invariant(rowKey !== null, "the writer has opened the row key");
// Without Kysely, whose modules would take 22 MiB of this thread.
const database = openReadOnly(path);
const hasher = new RowHasher(rowKey);
const finding = await check();
database.close();
post({ finding });
port.close();

function post(message: CheckMessage): void {
  port.postMessage(message);
}

async function check(): Promise<string | null> {
  const steps = findDamage({ database, hasher, onDamagedRow: (damagedRow) => post({ damagedRow }) });
  while (!stopping.signal.aborted) {
    const began = performance.now();
    const step = steps.next();
    if (step.done === true) {
      return step.value;
    }
    const pause = Math.max(pauseMillisecondsMin, restFactor * (performance.now() - began));
    await sleep(pause, stopping.signal);
  }
  return null;
}
