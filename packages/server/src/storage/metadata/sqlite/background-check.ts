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
 * @param onDamage is passed what is wrong, or why it could not be checked.
 */
export function startBackgroundCheck(path: string, onDamage: (finding: string) => void): BackgroundCheck {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData: path,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.once("message", (finding: string | null) => {
    if (finding !== null) {
      onDamage(finding);
    }
  });
  worker.once("error", (error: Error) => onDamage(`it cannot be checked: ${error.message}`));
  return {
    async stop() {
      worker.postMessage("stop");
      await ended;
    },
  };
}
