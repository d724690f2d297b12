import { DatabaseSync } from "node:sqlite";

// Makes the database of a stopped server one of an earlier version. Each migration that is undone needs its statements here.

const undone = {
  "0017-scrub": "DROP TRIGGER segments_stored; DROP TABLE scrub; DROP TABLE scrub_ranges; DROP TABLE scrub_queue;",
};
const database = new DatabaseSync("/var/lib/moraine/moraine.db");
const applied = database
  .prepare("SELECT name FROM kysely_migration WHERE name >= ? ORDER BY name DESC")
  .all(Object.keys(undone)[0]);
for (const { name } of applied) {
  if (undone[name] === undefined) {
    throw new Error(`${name} has no statements that undo it: add them to this file`);
  }
  database.exec(undone[name]);
  database.prepare("DELETE FROM kysely_migration WHERE name = ?").run(name);
}
database.close();
