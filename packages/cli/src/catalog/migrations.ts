import type { CatalogDatabase } from "./catalog-database.ts";
import { readPragma } from "./catalog-version.ts";
import { applicationId, markTables } from "./schema.ts";

/** Version 1 kept the marks of requests and transfers as facts, under names that end with the number of the archive. */
const marks = [
  { prefix: "unpaid-", into: "unpaid_transfers", more: "" },
  {
    prefix: "left-",
    into: "left_bytes",
    more: ", json_extract(value, '$.jobId'), max(0, json_extract(value, '$.bytes'))",
  },
  {
    prefix: "request-",
    into: "pending_requests",
    more: ", json_extract(value, '$.tier'), json_extract(value, '$.sentAt')",
  },
  { prefix: "settled-", into: "settled_requests", more: "" },
] as const;

/** The statements that make tables of the marks of version 1. They leave the facts as they are. */
export const marksOfVersion1 = (kind: "TABLE" | "TEMP TABLE"): string =>
  [
    markTables(kind),
    ...marks.map(
      ({ prefix, into, more }) =>
        `INSERT INTO ${into} SELECT CAST(substr(name, ${prefix.length + 1}) AS INTEGER)${more} FROM facts WHERE name GLOB '${prefix}*';`,
    ),
  ].join("\n");

/** Statements that change a catalogue into one of the next version, by the version before. */
const migrations: Readonly<Record<number, string>> = {
  1: [
    marksOfVersion1("TABLE"),
    ...marks.map(({ prefix }) => `DELETE FROM facts WHERE name GLOB '${prefix}*';`),
    "ALTER TABLE copies ADD COLUMN failed_at_target INTEGER NOT NULL DEFAULT 0;",
    "PRAGMA user_version = 2;",
  ].join("\n"),
};

/** Brings a catalogue of an earlier version to this one. Any other file stays as it is. */
export function migrate(database: CatalogDatabase): void {
  if (readPragma(database, "application_id") !== applicationId || nextOf(database) === undefined) {
    return;
  }
  database.transaction(() => {
    // Another process may have been first.
    for (let next = nextOf(database); next !== undefined; next = nextOf(database)) {
      database.exec(next);
    }
  });
}

const nextOf = (database: CatalogDatabase): string | undefined => migrations[readPragma(database, "user_version")];
