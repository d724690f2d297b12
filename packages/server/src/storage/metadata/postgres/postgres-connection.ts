import { hash } from "node:crypto";
import { Kysely, PostgresDialect } from "kysely";
import type pg from "pg";
import type { Database } from "../tables/schema.ts";
import type { DatabaseUrl } from "./database-url.ts";
import { ConnectionLostError, endsConnection } from "./postgres-failure.ts";
import { isOutOfRange, storable, valueOfType } from "./postgres-values.ts";

/** Bounds how long a host may take before the next one is tried. */
const connectMilliseconds = 3000;
/** Bounds a statement: the server cancels it first, and a server that no longer answers is given up. */
const statementMilliseconds = 15_000;
const answerMilliseconds = 20_000;
/** The server ends a transaction whose node has stopped, so that others do not wait for it. */
const idleMilliseconds = 10_000;
/** Bounds a statement that waits for nothing at the server. */
const promptMilliseconds = 5000;
/** More than the statements there are; a bound all the same, since each holds memory at the server. */
const namedStatementsMax = 400;

const settings = `
  set statement_timeout = ${statementMilliseconds};
  set lock_timeout = ${statementMilliseconds};
  set idle_in_transaction_session_timeout = ${idleMilliseconds};
  set timezone = 'UTC'`;

/** One connection to a server that can be written. */
export class PostgresConnection {
  readonly db: Database;
  readonly #client: pg.Client;
  readonly #named = new Map<string, string>();
  #lost: ConnectionLostError | null = null;
  /** Warnings of the server since they were taken last. */
  #warnings: string[] = [];
  /** The statement whose response is awaited, and when it was sent, by `performance.now()`. */
  #asked: { readonly text: string; readonly at: number } | null = null;

  private constructor(client: pg.Client) {
    this.#client = client;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("the connection has ended")));
    client.on("notice", ({ severity, message }) => {
      if (severity === "WARNING") {
        this.#warnings.push(message ?? "");
      }
    });
    const connection = {
      query: (sql: string, values: readonly unknown[]) => this.query(sql, values),
      release: () => {},
    };
    const pool = { connect: async () => connection, end: async () => undefined, options: {} };
    this.db = new Kysely({ dialect: new PostgresDialect({ pool: pool as never }) });
  }

  /** Connects to the first host that can be written. Rejects with the error of each. */
  static async open(driver: typeof pg, { hosts, name }: DatabaseUrl): Promise<PostgresConnection> {
    const errors: string[] = [];
    for (const connectionString of hosts) {
      const client = newClient(driver, connectionString);
      const connection = new PostgresConnection(client);
      try {
        await client.connect();
        await connection.query(settings);
        const { rows } = await connection.query(
          "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as refuses",
        );
        if (rows[0]?.["refuses"] === false) {
          return connection;
        }
        throw new Error("it cannot be written");
      } catch (error) {
        connection.close();
        errors.push(`${new URL(connectionString).host}: ${messageOf(error)}`);
      }
    }
    throw new ConnectionLostError(`No server of ${name} can be used: ${errors.join("; ")}`);
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** The statement whose response is awaited, if for longer than this; null when none is. */
  awaited(milliseconds: number): string | null {
    return this.#asked !== null && performance.now() - this.#asked.at > milliseconds ? this.#asked.text : null;
  }

  /** Warnings since the last call. */
  takeWarnings(): readonly string[] {
    const warnings = this.#warnings;
    this.#warnings = [];
    return warnings;
  }

  /** Rejects with ConnectionLostError, or with the error of the server. */
  query(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<Record<string, unknown>>> {
    return this.#send(values === undefined ? { text } : this.#prepared(text, values));
  }

  /** Begins a transaction. A server that does not respond to that soon is given up, since nothing is lost by it. */
  async begin(characteristics = ""): Promise<void> {
    await this.#send({ text: `begin ${characteristics}`, query_timeout: promptMilliseconds });
  }

  async #send(statement: pg.QueryConfig & { readonly query_timeout?: number }) {
    if (this.#lost !== null) {
      throw this.#lost;
    }
    try {
      this.#asked = { text: statement.text, at: performance.now() };
      return (await this.#client.query(statement)) as pg.QueryResult<Record<string, unknown>>;
    } catch (error) {
      // A number that is too large for JavaScript is an error of this side, which leaves the connection as it was.
      if (isOutOfRange(error) || !endsConnection(error)) {
        throw error;
      }
      throw this.#lose(error);
    } finally {
      this.#asked = null;
    }
  }

  close(): void {
    this.#lose(new Error("the connection was closed"));
  }

  /** Without waiting: what it was doing is of no use any more. */
  #lose(cause: unknown): ConnectionLostError {
    if (this.#lost === null) {
      this.#lost = new ConnectionLostError(`The connection to the database is lost: ${messageOf(cause)}`, { cause });
      void this.#client.end().catch(() => undefined);
      (this.#client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    }
    return this.#lost;
  }

  /** The server parses and plans a statement with a name once for each connection. */
  #prepared(text: string, values: readonly unknown[]): pg.QueryConfig {
    let name = this.#named.get(text);
    if (name === undefined && this.#named.size < namedStatementsMax) {
      name = hash("sha256", text).slice(0, 32);
      this.#named.set(text, name);
    }
    return { ...(name !== undefined && { name }), text, values: values.map(storable) };
  }
}

function newClient(driver: typeof pg, connectionString: string): pg.Client {
  const getTypeParser = (oid: number, format?: string) =>
    valueOfType[oid] ?? driver.types.getTypeParser(oid, format as "text");
  return new driver.Client({
    connectionString,
    application_name: "moraine",
    connectionTimeoutMillis: connectMilliseconds,
    query_timeout: answerMilliseconds,
    keepAlive: true,
    types: { getTypeParser: getTypeParser as typeof driver.types.getTypeParser },
  });
}

/** Node has an error of several addresses, whose own message is empty. */
function messageOf(error: unknown): string {
  const { message, errors } = error as Partial<AggregateError>;
  return message || (errors ?? []).map(messageOf).join(", ") || String(error);
}
