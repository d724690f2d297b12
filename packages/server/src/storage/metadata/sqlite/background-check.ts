import { Worker } from "node:worker_threads";

/** Sources run as they are, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./sqlite-check-worker.ts" : "./sqlite-check-worker.js";

/** A check of the entire database that runs on while the service works. */
export interface BackgroundCheck {
  /** Resolves when it has ended or given up, and its connection is closed. */
  stop(): Promise<void>;
}

/**
 * Checks the database on a thread of its own, which gives way to others.
 * @param delayMilliseconds before it begins: whatever waited for the start comes first.
 * @param onDamage is passed what is wrong, or why it could not be checked.
 */
export function startBackgroundCheck(
  path: string,
  delayMilliseconds: number,
  onDamage: (finding: string) => void,
): BackgroundCheck {
  let worker: Worker | undefined;
  let ended = Promise.resolve();
  const delay = setTimeout(() => {
    worker = startWorker(path, onDamage);
    ended = new Promise<void>((resolve) => worker?.once("exit", () => resolve()));
  }, delayMilliseconds);
  return {
    async stop() {
      clearTimeout(delay);
      worker?.postMessage("stop");
      await ended;
    },
  };
}

function startWorker(path: string, onDamage: (finding: string) => void): Worker {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData: path,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  worker.once("message", (finding: string | null) => {
    if (finding !== null) {
      onDamage(finding);
    }
  });
  worker.once("error", (error: Error) => onDamage(`it cannot be checked: ${error.message}`));
  return worker;
}
