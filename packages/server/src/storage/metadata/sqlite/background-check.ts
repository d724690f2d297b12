import { Worker } from "node:worker_threads";
import { millisecondsPer } from "@moraine/protocol";
import type { DamagedRow } from "../../../domain/stores/metadata-store.ts";

/** Sources run as they are, the package as JavaScript. */
const workerFile = import.meta.url.endsWith(".ts") ? "./sqlite-check-worker.ts" : "./sqlite-check-worker.js";

/** A check of the entire database that runs on while the service works. */
export interface BackgroundCheck {
  /** Delays a check that has not started, unless the start of the store was an hour ago. */
  postpone(): void;
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

export interface CheckTimes {
  /** The check begins this long after the start: requests that waited for the start come first. */
  readonly delayMilliseconds: number;
  /** It begins this long after the last `postpone`. */
  readonly postponeMilliseconds: number;
  /** It does not begin while this is true: what clients ask for and the check need not take their memory at once. */
  isBusy(): boolean;
}

/** After an hour the check begins, whatever postpones it. */
const postponedMillisecondsMax = millisecondsPer.hour;

/** Checks the database on a thread of its own, which gives way to others. */
export function startBackgroundCheck(
  { delayMilliseconds, postponeMilliseconds, isBusy, ...checked }: CheckedDatabase & CheckTimes,
  listeners: CheckListeners,
): BackgroundCheck {
  const started = performance.now();
  let worker: Worker | undefined;
  let ended = Promise.resolve();
  /** Null once the check was started, or stopped. */
  let delay: NodeJS.Timeout | null = setTimeout(begin, delayMilliseconds);
  const mayWait = () => performance.now() - started < postponedMillisecondsMax;

  function begin(): void {
    if (isBusy() && mayWait()) {
      delay = setTimeout(begin, delayMilliseconds);
      return;
    }
    delay = null;
    worker = startWorker(checked, listeners);
    ended = new Promise<void>((resolve) => worker?.once("exit", () => resolve()));
  }

  return {
    postpone() {
      if (delay !== null && mayWait()) {
        clearTimeout(delay);
        delay = setTimeout(begin, Math.max(delayMilliseconds, postponeMilliseconds));
      }
    },
    async stop() {
      clearTimeout(delay ?? undefined);
      delay = null;
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
