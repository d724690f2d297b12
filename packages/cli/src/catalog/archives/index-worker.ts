import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { IndexReply, IndexWork } from "./build-indexes.ts";

/** The thread that builds indexes, on a connection of its own. */
const { path, statements } = workerData as IndexWork;
parentPort?.postMessage({ failure: build() } satisfies IndexReply);

function build(): IndexReply["failure"] {
  try {
    const database = new DatabaseSync(path, { timeout: 5000 });
    try {
      database.exec("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384");
      for (const sql of statements) {
        database.exec(sql);
      }
    } finally {
      database.close();
    }
    return null;
  } catch (error) {
    const { message, errcode = 0 } = error as Error & { errcode?: number };
    return { message, errcode };
  }
}
