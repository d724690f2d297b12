import { sql } from "kysely";
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from "kysely/migration";
import type { PostgresConnection } from "../../postgres/postgres-connection.ts";
import type { Database } from "../../tables/schema.ts";
import { up as initial } from "./0001-initial.ts";
import { up as copyMark } from "./0002-copy-mark.ts";

/** In order. What was released is never changed, only followed by another that nodes of the version before can live with. */
const migrations: Readonly<Record<string, Migration>> = {
  "0001-initial": { up: initial },
  "0002-copy-mark": { up: copyMark },
};

/** In the order in which they are applied. */
export const postgresMigrationNames: readonly string[] = Object.keys(migrations);

/** Brings the schema to the newest version, in one transaction. Nodes that start at the same time wait for each other. Refuses a newer schema. */
export async function migratePostgres({ db }: PostgresConnection): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  await refuseNewer(db);
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw error;
  }
}

async function refuseNewer(db: Database): Promise<void> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) {
    return;
  }
  const { rows } = await sql<{
    name: string;
  }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} order by name`.execute(db);
  const unknown = rows.map(({ name }) => name).filter((name) => !postgresMigrationNames.includes(name));
  if (unknown.length > 0) {
    throw new Error(`The database has the newer schema ${unknown.join(", ")}: a newer version of the program wrote it`);
  }
}
