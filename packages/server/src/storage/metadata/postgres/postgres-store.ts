import type { Node } from "../../../domain/node.ts";
import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";
import type { DamagedRow, MetadataStore } from "../../../domain/stores/metadata-store.ts";
import type { StoreMethod } from "../../../domain/stores/recorded-changes.ts";
import type { BoundStore } from "../../bucket-binding.ts";
import { methodThreads } from "../method-threads.ts";
import { migratePostgres } from "../migrations/postgres/migrate.ts";
import { changes, queries } from "../statements.ts";
import { useRowKey } from "../tables/row-macs/row-seal.ts";
import { bucketRow } from "./bucket-row.ts";
import { DatabaseTime } from "./database-time.ts";
import type { DatabaseUrl } from "./database-url.ts";
import { checkDurability, type DurabilityNotices } from "./durability.ts";
import { listNodes, type NodeDescription, removeNode } from "./node-rows.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { PostgresReaders } from "./postgres-readers.ts";
import { PostgresWriter } from "./postgres-writer.ts";
import { openRowKey } from "./row-key.ts";

export interface PostgresStoreOptions {
  readonly url: DatabaseUrl;
  readonly node: NodeDescription;
  /** Whether a server is accepted that would lose what it acknowledged. */
  readonly isInsecureAllowed: boolean;
  /** Bounds how long a call is tried before its caller gets an error: a standby takes over within it. @default 30,000 */
  readonly triedMilliseconds?: number;
  /** Opens the row secret of the database. A rejection refuses the database as it is. */
  rowSecret(sealed: SealedKeys): Promise<RowSecret>;
  /** Called with each damaged row, each time that it is met. */
  onDamagedRow?(row: DamagedRow): void;
  /** Called with the time that each commit took. */
  onCommit?(seconds: number): void;
}

export interface PostgresStore extends MetadataStore {
  readonly node: Node;
  /** The database's clock, by which all nodes judge. */
  readonly time: DatabaseTime;
  readonly notices: DurabilityNotices;
  /** Why changes are not made for the moment; null while they are. */
  away(): string | null;
  /** Why nothing can be read either; null while it can. */
  unreachable(): string | null;
  /** Which bucket has the archives. */
  readonly bindings: BoundStore["bindings"];
  /** Calls in progress of each kind. */
  callsInProgress(): Readonly<Record<"writer" | "lookups" | "lists", number>>;
}

const lookupConnections = 3;
const listConnections = 2;
const lookupsOfBatchMax = 16;
const triedMillisecondsDefault = 30_000;

/**
 * Keeps metadata in PostgreSQL, which any number of nodes may use at the same time. Rejects, with the reason, when no server can be
 * written, or its database cannot be trusted to keep what it commits.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { url, node, onDamagedRow, onCommit, triedMilliseconds = triedMillisecondsDefault } = options;
  const { default: driver } = await import("pg");
  const first = await PostgresConnection.open(driver, url);
  let key: Uint8Array;
  let notices: DurabilityNotices;
  try {
    notices = await checkDurability(first, options.isInsecureAllowed);
    await migratePostgres(first);
    key = await openRowKey(first, { name: url.name, node }, options.rowSecret);
  } finally {
    first.close();
  }
  const connect = async () => {
    const connection = await PostgresConnection.open(driver, url);
    // A standby that was promoted has settings of its own.
    await checkDurability(connection, options.isInsecureAllowed).catch((error: unknown) => {
      connection.close();
      throw error;
    });
    useRowKey(connection.db, key, onDamagedRow);
    return connection;
  };
  const time = new DatabaseTime();
  const writer = new PostgresWriter({ node, time, triedMilliseconds, connect, onCommit });
  const readers = {
    lookups: new PostgresReaders({
      connections: lookupConnections,
      batchMax: lookupsOfBatchMax,
      triedMilliseconds,
      connect,
    }),
    lists: new PostgresReaders({ connections: listConnections, batchMax: 1, triedMilliseconds, connect }),
  };
  const methods: [string, StoreMethod][] = [
    ...Object.keys(queries).map((method): [string, StoreMethod] => {
      // Queries that may visit many rows have connections of their own, so that others do not wait for them.
      const isList = methodThreads[method as keyof typeof queries] === "lists";
      const own = isList ? readers.lists : readers.lookups;
      return [method, (input) => own.call({ method, input })];
    }),
    ...Object.keys(changes).map((method): [string, StoreMethod] => [
      method,
      (input, facts) => writer.call({ method, input, facts }),
    ]),
  ];
  const close = async () => {
    await Promise.all([writer.close(), readers.lookups.close(), readers.lists.close()]);
    await removeNode(connect, node.id);
  };
  const callsInProgress = () => ({
    writer: writer.callsInProgress,
    lookups: readers.lookups.callsInProgress,
    lists: readers.lists.callsInProgress,
  });
  const shared: Node = { isShared: true, hasDuties: () => writer.isEldest, list: () => listNodes(connect) };
  const store = Object.fromEntries(methods) as unknown as MetadataStore;
  const bindings = bucketRow(connect);
  const [away, unreachable] = [() => writer.away, () => writer.unreachable];
  return { ...store, node: shared, time, notices, away, unreachable, bindings, callsInProgress, close };
}
