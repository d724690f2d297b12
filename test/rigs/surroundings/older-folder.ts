import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { createTables } from "../../../packages/server/src/storage/metadata/migrations/migrate.ts";
import { openWriting } from "../../../packages/server/src/storage/metadata/sqlite/sqlite-connection.ts";

/** Makes the folder of a server that has ended in order that of an earlier version, with rows that have no MACs. */
export async function makeOlder(dataFolder: string): Promise<void> {
  const database = join(dataFolder, "moraine.db");
  const older = `${database}.older`;
  const connection = openWriting(older, true);
  await createTables(connection, true);
  connection.database.prepare("ATTACH ? AS now").run(database);
  const select =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'kysely%' AND name NOT LIKE 'sqlite%'";
  for (const { name: table } of connection.database.prepare(select).all()) {
    const columns = connection.database.prepare("SELECT name FROM pragma_table_info(?)").all(table as string);
    const list = columns.map(({ name }) => name).join(", ");
    connection.database.exec(
      `DELETE FROM main.${table}; INSERT INTO main.${table} (${list}) SELECT ${list} FROM now.${table}`,
    );
  }
  connection.database.exec("DETACH now");
  connection.database.close();
  await rename(older, database);
  // It is large, and of no interest.
  await rm(join(dataFolder, "ballast"), { force: true });
}
