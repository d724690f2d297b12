import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { CatalogError, toCatalogError } from "../catalog-error.ts";

/** Work of the thread that builds indexes. */
export interface IndexWork {
  readonly path: string;
  readonly statements: readonly string[];
}

export interface IndexReply {
  /** SQLite's failure, null after success. */
  readonly failure: { readonly message: string; readonly errcode: number } | null;
}

/** Runs the statements in a thread, since each takes many seconds for 10⁷ rows. After an abortion, the next import builds the indexes. */
export async function buildIndexes(path: string, statements: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const worker = new Worker(new URL(workerFile, import.meta.url), {
    workerData: { path, statements } satisfies IndexWork,
  });
  try {
    const [{ failure }] = (await once(worker, "message", { signal })) as [IndexReply];
    if (failure !== null) {
      throw toCatalogError(Object.assign(new Error(failure.message), failure), path);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof CatalogError ? error : new Error(`Cannot build the indexes of ${path}`, { cause: error });
  } finally {
    // It ends by itself, after the statement that it runs.
    worker.terminate().catch(() => undefined);
  }
}

/** In a bundle, all files are in one folder. */
const workerFile = import.meta.url.endsWith(".ts") ? "./index-worker.ts" : "./index-worker.js";
