import type { MetadataStore } from "../../domain/metadata-store.ts";
import { defaultLogLimits, type LogLimits } from "./checkpoints.ts";
import { methodThreads } from "./method-threads.ts";
import { SqliteThread } from "./sqlite-thread.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  /**
   * Whether the database may be missing or empty. False when there is data already: then its absence is damage, and a
   * fresh one would hide it. @default true
   */
  readonly mayCreate?: boolean;
  /** When the log is moved into the database. @default `defaultLogLimits` */
  readonly logLimits?: LogLimits;
  /**
   * Called once, when a thread dies or a commit fails: what was being changed may or may not have been kept, all calls
   * reject from then on, and only a fresh start finds out.
   */
  readonly onFailure: (error: Error) => void;
}

/**
 * Keeps metadata in a SQLite file, on three threads beside the caller's: one changes, many changes to a commit; two read, and
 * never wait for a sync. Rejects, with the reason, when the database is damaged, of a newer schema, or cannot be
 * trusted to keep what it commits.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<MetadataStore> {
  const { path, mayCreate = true, logLimits = defaultLogLimits, onFailure } = options;
  const threads: SqliteThread[] = [];
  let failed = false;
  const fail = (error: Error) => {
    if (!failed) {
      failed = true;
      for (const thread of threads) {
        thread.fail(error);
      }
      onFailure(error);
    }
  };

  // The writer first: it makes the file, and recovers it after a crash.
  const writer = await SqliteThread.open({ role: "writer", path, mayCreate, logLimits }, fail);
  threads.push(writer);
  const openReader = (role: "lookups" | "lists") =>
    SqliteThread.open({ role, path, mayCreate, logLimits }, fail).catch(async (error: unknown) => {
      await Promise.all(threads.map((thread) => thread.close()));
      throw error;
    });
  const lookups = await openReader("lookups");
  threads.push(lookups);
  const lists = await openReader("lists");
  threads.push(lists);

  const threadOf = { writer, lookups, lists };
  const methods = Object.entries(methodThreads).map(([method, name]) => {
    const thread = threadOf[name];
    return [method, (input: unknown) => thread.call(method, input)];
  });
  const close = async () => {
    writer.refuse();
    try {
      await Promise.all([lookups.close(), lists.close()]);
    } finally {
      // The writer last, so that it is alone when it moves its log into the database.
      await writer.close();
    }
  };
  return { ...Object.fromEntries(methods), close };
}
