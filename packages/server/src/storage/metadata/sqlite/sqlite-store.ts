import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";
import { type DamagedRow, MetadataDamagedError, type MetadataStore } from "../../../domain/stores/metadata-store.ts";
import type { StoreMethod } from "../../../domain/stores/recorded-changes.ts";
import { methodThreads, type ThreadName } from "../method-threads.ts";
import { type BackgroundCheck, type CheckTimes, startBackgroundCheck } from "./background-check.ts";
import type { HistoryOptions, HistoryReport } from "./generation.ts";
import { defaultLogLimits, type LogLimits } from "./log/checkpoints.ts";
import { LogGuard } from "./log/log-guard.ts";
import { OnDemandThread } from "./on-demand-thread.ts";
import { RowSecretOnce } from "./row-secret.ts";
import { SqliteThread } from "./sqlite-thread.ts";

export interface SqliteStoreOptions {
  readonly path: string;
  /**
   * Whether the database may be missing or empty. False when there is data already: then its absence is damage, and a
   * fresh one would hide it.
   */
  readonly mayCreate: boolean;
  /** When the log is moved into the database. @default `defaultLogLimits` */
  readonly logLimits?: LogLimits;
  /** How long the thread of lists is kept after its last response. @default 30,000 */
  readonly listsIdleMilliseconds?: number;
  /** How long after the start the check of the entire database begins. @default 10,000 */
  readonly checkDelayMilliseconds?: number;
  /** Whether clients use the service now: then that check does not begin, for an hour at most. @default never */
  isBusy?(): boolean;
  /** Where the history of the database is kept outside it. @default nowhere */
  readonly history?: HistoryOptions;
  /** Called once, before the store is opened, with what the history says. */
  readonly onHistory?: (report: HistoryReport) => void;
  /** Called with the time that each commit took, its sync included. */
  readonly onCommit?: (seconds: number) => void;
  /**
   * Called once, when a thread dies or a commit fails: what was being changed may or may not have been kept, all calls
   * reject from then on, and only a fresh start finds out. Also called, with `MetadataDamagedError`, when the check that runs on
   * after the start finds damage.
   */
  readonly onFailure: (error: Error) => void;
  /** Opens the key of the rows' MACs, before any row is used. When it rejects, nothing is changed and the store is not opened. */
  readonly rowSecret: (sealed: SealedKeys) => Promise<RowSecret>;
  /**
   * Called with each row that is not as it was stored, each time that a call or the check meets it. The row is not used; the store serves
   * all others.
   * @default ignored: calls that need the row reject
   */
  readonly onDamagedRow?: (row: DamagedRow) => void;
}

export interface SqliteStore extends MetadataStore {
  /** Calls in progress of each thread. */
  callsInProgress(): Readonly<Record<ThreadName, number>>;
}

const listsIdleDefault = 30_000;
const checkDelayDefault = 10_000;
/** The time in which the thread of lists surely ends. */
const listsEndMilliseconds = 5000;

/**
 * Keeps metadata in a SQLite file, on threads of its own: one changes, many changes to a commit; one looks up; one lists,
 * and runs only while somebody lists. Readers never wait for a sync. Rejects, with the reason, when the database is damaged, of a newer schema, or cannot be
 * trusted to keep what it commits.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const { path, mayCreate, logLimits = defaultLogLimits, history = null, onFailure } = options;
  const { listsIdleMilliseconds: idleMilliseconds = listsIdleDefault } = options;
  const threads: Array<SqliteThread | OnDemandThread> = [];
  let failed = false;
  let check: BackgroundCheck | undefined;
  const fail = (error: Error) => {
    if (!failed) {
      failed = true;
      for (const thread of threads) {
        thread.fail(error);
      }
      void check?.stop();
      onFailure(error);
    }
  };

  const log = new LogGuard(path);
  const onDamagedRow = options.onDamagedRow ?? (() => undefined);
  const rows = new RowSecretOnce(options.rowSecret);
  const events = { rowSecret: rows.open, onDeath: fail, onDamagedRow, onCommit: options.onCommit };
  const open = (role: ThreadName, ofWriter: HistoryOptions | null) =>
    SqliteThread.open({ role, path, mayCreate, logLimits, history: ofWriter, rowKey: rows.key }, events);
  // The writer first: it makes the file, and recovers it after a crash.
  const writer = await open("writer", history).catch((error: unknown) => {
    log.release();
    throw rows.refusal ?? error;
  });
  threads.push(writer);
  log.hold();
  const closeWriter = () => writer.close(() => log.release()).finally(() => log.release());
  const lookups = await open("lookups", null).catch(async (error: unknown) => {
    await closeWriter();
    throw error;
  });
  const lists = new OnDemandThread({
    open: () => open("lists", null),
    substitute: lookups,
    idleMilliseconds,
  });
  threads.push(lookups, lists);
  if (writer.report !== null) {
    options.onHistory?.(writer.report);
  }
  check = startBackgroundCheck(
    { path, rowKey: rows.key, ...checkTimes(options) },
    { onDamage: (finding) => fail(new MetadataDamagedError(path, finding)), onDamagedRow },
  );
  const close = async () => {
    writer.refuse();
    try {
      // Lookups after lists, whose calls they may have to serve.
      await Promise.all([lists.close().finally(() => lookups.close()), check?.stop()]);
    } finally {
      // The writer last, so that it is alone when it moves its log into the database.
      await closeWriter();
    }
  };

  const callsInProgress = () => ({
    writer: writer.callsInProgress,
    lookups: lookups.callsInProgress,
    lists: lists.callsInProgress,
  });
  return { ...methodsOf({ writer, lookups, lists }, check), callsInProgress, close };
}

const checkTimes = ({
  listsIdleMilliseconds: idleMilliseconds = listsIdleDefault,
  checkDelayMilliseconds: delayMilliseconds = checkDelayDefault,
  isBusy = () => false,
}: SqliteStoreOptions): CheckTimes => ({
  delayMilliseconds,
  postponeMilliseconds: idleMilliseconds + listsEndMilliseconds,
  isBusy,
});

/** All methods of the store, each on its thread. */
function methodsOf(
  threads: Readonly<Record<ThreadName, SqliteThread | OnDemandThread>>,
  check: BackgroundCheck,
): Omit<MetadataStore, "close"> {
  const methods = Object.entries(methodThreads).map(([method, name]) => {
    const run: StoreMethod = (input, facts) => threads[name].call(method, input, facts);
    return [method, run];
  });
  const store: Omit<MetadataStore, "close"> = Object.fromEntries(methods);
  return {
    ...store,
    inventoryPage(page) {
      // The check and an inventory take some 15 MiB each, which need not be taken at once.
      check.postpone();
      return store.inventoryPage(page);
    },
  };
}

/** Why the service stops after `onFailure`. */
export const failureReason = (error: Error): string =>
  error instanceof MetadataDamagedError ? error.message : "The metadata store failed; restart the server";
