import { definitionsOf, expectedDefinitions } from "../../storage/metadata/migrations/expected-definitions.ts";
import type { OpenedFolder } from "../open-folder.ts";
import type { Verification } from "../verification.ts";

/** Compares tables and indices with those of this version: a changed definition says what a column is called and what an index holds, and no row contradicts it. */
export async function checkDefinitions({ found }: Verification, { database }: OpenedFolder): Promise<void> {
  const expected = await expectedDefinitions();
  const present = definitionsOf(database);
  for (const name of new Set([...expected.keys(), ...present.keys()])) {
    if (present.get(name) !== expected.get(name)) {
      const message = `the definition of ${name} is not that of this version`;
      found({ code: "database-damaged", message });
    }
  }
}
