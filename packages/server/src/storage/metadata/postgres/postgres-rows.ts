import { refusalOf } from "../../copy-mark.ts";
import { postgresMigrationNames } from "../migrations/postgres/migrate.ts";
import { keyPlace, type PagedRows, type RowReader, type RowValue } from "../row-reader.ts";
import { bucketRow } from "./bucket-row.ts";
import { readCopyMarkRow } from "./copy-mark-row.ts";
import type { DatabaseUrl } from "./database-url.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { ConnectionLostError } from "./postgres-failure.ts";

const undefinedTable = "42P01";

/**
 * Reads the rows of a database next to its nodes, on one connection, which the server lets change nothing. Rejects when the schema is not the one of
 * this version, and for the target of a copy that is not complete: what it lacks is no damage.
 */
export async function openPostgresRows(url: DatabaseUrl): Promise<RowReader & PagedRows & AsyncDisposable> {
  const { default: driver } = await import("pg");
  const connect = async () => {
    const connection = await PostgresConnection.open(driver, url);
    await connection.query("set default_transaction_read_only = on");
    return connection;
  };
  const rows = new PostgresRows(await connect(), connect);
  try {
    await assertSchema(rows, url.name);
    await assertWhole(rows, url.name);
  } catch (error) {
    rows.close();
    throw error;
  }
  const { read } = bucketRow(connect);
  return {
    name: url.name,
    bindings: { read },
    select: (sql, values) => rows.select(sql, values),
    placeIn: keyPlace,
    snapshot: (read) => rows.snapshot(read),
    [Symbol.asyncDispose]: async () => rows.close(),
  };
}

class PostgresRows {
  #connection: PostgresConnection;
  readonly #connect: () => Promise<PostgresConnection>;
  #connecting: Promise<void> | null = null;
  /** Settles when the last statement has ended. */
  #turn: Promise<unknown> = Promise.resolve();
  #isInSnapshot = false;
  #isClosed = false;

  constructor(connection: PostgresConnection, connect: () => Promise<PostgresConnection>) {
    this.#connection = connection;
    this.#connect = connect;
  }

  /** A lost connection ends a snapshot, which is then read again. */
  select(sql: string, values: readonly RowValue[]): Promise<Readonly<Record<string, unknown>>[]> {
    const send = () => this.#inTurn(async () => (await this.#connection.query(sql, values)).rows);
    return this.#isInSnapshot ? send() : this.#twice(send);
  }

  snapshot<Result>(read: () => Promise<Result>): Promise<Result> {
    return this.#twice(async () => {
      const connection = this.#connection;
      await connection.begin("isolation level repeatable read read only");
      this.#isInSnapshot = true;
      try {
        return await read();
      } finally {
        this.#isInSnapshot = false;
        await connection.query("rollback").catch(() => connection.close());
      }
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.close();
  }

  async #twice<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ConnectionLostError) || this.#isClosed) {
        throw error;
      }
      // A standby may have been promoted.
      await this.#reconnect();
      return work();
    }
  }

  /** A connection takes one statement at a time. */
  #inTurn<Result>(send: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(send);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Once for all statements that were sent on the lost connection. */
  async #reconnect(): Promise<void> {
    if (this.#connection.isLost) {
      this.#connecting ??= this.#connect()
        .then((connection) => {
          this.#connection = connection;
        })
        .finally(() => {
          this.#connecting = null;
        });
      await this.#connecting;
    }
  }
}

async function assertSchema(rows: PostgresRows, name: string): Promise<void> {
  const found = await rows
    .select("select name from kysely_migration order by name", [])
    .catch((error: { code?: string }) => {
      throw error.code === undefinedTable ? new Error(`${name} has no tables of this service`) : error;
    });
  const applied = found.map((row) => String(row["name"]));
  if (applied.join() !== postgresMigrationNames.join()) {
    throw new Error(
      `${name} has the schema ${applied.at(-1) ?? "none"}, and this version reads ${postgresMigrationNames.at(-1)}: ` +
        "use the version of its nodes",
    );
  }
}

async function assertWhole(rows: PostgresRows, name: string): Promise<void> {
  const mark = await readCopyMarkRow({ query: async (sql) => ({ rows: await rows.select(sql, []) }) });
  if (mark?.state === "incomplete") {
    throw new Error(refusalOf(mark, `The database ${name}`, "the row of its table copy_mark"));
  }
}
