import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { SqliteDialect, type SqliteStatement } from "kysely";

/** More than the statements there are; a bound all the same, since each holds memory. */
const statementsMax = 200;

/** Kysely over one synchronous connection. Nothing in it waits for the event loop: queries are microtasks to their end. */
export function nodeSqliteDialect(database: DatabaseSync): SqliteDialect {
  const statements = new Map<string, SqliteStatement>();

  function prepare(text: string): SqliteStatement {
    const known = statements.get(text);
    if (known !== undefined) {
      return known;
    }
    const [oldest] = statements.keys();
    if (statements.size >= statementsMax && oldest !== undefined) {
      statements.delete(oldest);
    }
    const statement = kyselyStatement(database.prepare(text));
    statements.set(text, statement);
    return statement;
  }

  return new SqliteDialect({ database: { prepare, close: () => database.close() } });
}

function kyselyStatement(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
