import type { DatabaseError } from "pg";

/**
 * Kinds of errors within a transaction. `statement`: the statement failed, or the method whose statement it was. `full`: the disk of
 * the database has no room. `busy`: another transaction was in the way; the same one can succeed later. `connection`: the
 * connection can no longer be used, or leads to a server that stores nothing.
 */
export type Failure = "statement" | "full" | "busy" | "connection";

const diskFull = "53100";
/** serialization_failure, deadlock_detected, lock_not_available, query_canceled: also what a timeout of the server does. */
const busyCodes: readonly string[] = ["40001", "40P01", "55P03", "57014"];
/** read_only_sql_transaction: the server has become a standby. */
const readOnly = "25006";
/** Insufficient resources, operator intervention, system errors. */
const serverClasses: readonly string[] = ["53", "57", "58", "XX"];

/** Error thrown when a connection has ended, or does not answer. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ConnectionLostError) {
    return "connection";
  }
  const code = databaseCode(error);
  if (code === undefined) {
    return "statement";
  }
  if (code === diskFull) {
    return "full";
  }
  if (busyCodes.includes(code)) {
    return "busy";
  }
  return code === readOnly || serverClasses.includes(code.slice(0, 2)) ? "connection" : "statement";
}

/** Whether the server ends the connection with this error, or the error is not the server's. */
export function endsConnection(error: unknown): boolean {
  const { severity } = error as Partial<DatabaseError>;
  return databaseCode(error) === undefined || severity === "FATAL" || severity === "PANIC";
}

/** The five characters that SQL gives to an error; undefined when it is not the server's. */
export function databaseCode(error: unknown): string | undefined {
  const { code, severity } = error as Partial<DatabaseError>;
  return error instanceof Error && typeof severity === "string" ? code : undefined;
}
