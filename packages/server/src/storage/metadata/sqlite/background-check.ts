import { Worker } from "node:worker_threads";
import type { DamagedRow } from "../../../domain/stores/metadata-store.ts";

/** Sources run as they are, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./sqlite-check-worker.ts" : "./sqlite-check-worker.js";

/** A check of the entire database that runs on while the service works. */
export interface BackgroundCheck {
  /** Resolves when it has ended or given up, and its connection is closed. */
  stop(): Promise<void>;
}

export interface CheckedDatabase {
  readonly path: string;
  /** See `RowSecret`. */
  readonly rowKey: Uint8Array | null;
}

/** Messages of the check's thread: rows that are damaged, and at the end what else is wrong, or null. */
export type CheckMessage = { readonly damagedRow: DamagedRow } | { readonly finding: string | null };

export interface CheckListeners {
  /** Called with what is wrong with the database, or why it could not be checked. */
  onDamage(finding: string): void;
  onDamagedRow(row: DamagedRow): void;
}

/**
 * Checks the database on a thread of its own, which gives way to others. Begins after `delayMilliseconds`: whatever waited for the start
 * comes first.
 */
export function startBackgroundCheck(
  { delayMilliseconds, ...checked }: CheckedDatabase & { readonly delayMilliseconds: number },
  listeners: CheckListeners,
): BackgroundCheck {
  let worker: Worker | undefined;
  let ended = Promise.resolve();
  const delay = setTimeout(() => {
    worker = startWorker(checked, listeners);
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

function startWorker(checked: CheckedDatabase, { onDamage, onDamagedRow }: CheckListeners): Worker {
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData: checked,
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1 },
  });
  worker.on("message", (message: CheckMessage) => {
    if ("damagedRow" in message) {
      onDamagedRow(message.damagedRow);
    } else if (message.finding !== null) {
      onDamage(message.finding);
    }
  });
  worker.once("error", (error: Error) => onDamage(`it cannot be checked: ${error.message}`));
  return worker;
}
