import { ConnectionLostError, databaseCode } from "../storage/metadata/postgres/postgres-failure.ts";

/** SQLSTATE classes of errors that a value of a row causes, and of damage of the database's own files. */
const valueClass = "22";
const damageClass = "XX";

/** Whether the database did not do what it was asked for. */
export const isOfDatabase = (error: unknown): boolean =>
  isOfSqlite(error) || error instanceof ConnectionLostError || databaseCode(error) !== undefined;

/** Whether what is stored is the reason that a check could not be ended. */
export const isOfStored = (error: unknown): boolean =>
  isOfSqlite(error) || isOfValue(error) || [valueClass, damageClass].includes(databaseCode(error)?.slice(0, 2) ?? "");

const isOfSqlite = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";

/** SQLite keeps values of any type in any column, so damage may turn a number into text. The row has a finding of its own. */
const isOfValue = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
