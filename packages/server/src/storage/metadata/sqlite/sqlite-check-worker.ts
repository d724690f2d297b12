import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { sleep } from "../../../clock/sleep.ts";
import { invariant } from "../../../domain/invariant.ts";
import { findDamage } from "./database-check.ts";
import { openReadOnly } from "./sqlite-database.ts";

// Checks the database of its `workerData` with a connection of its own, one step after another, and posts what it found: a text,
// or null. Any message to it ends it after the running step.

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

// Without Kysely, whose modules would take 22 MiB of this thread.
const database = openReadOnly(workerData as string);
const finding = await check();
database.close();
port.postMessage(finding);
port.close();

async function check(): Promise<string | null> {
  const steps = findDamage(database);
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
