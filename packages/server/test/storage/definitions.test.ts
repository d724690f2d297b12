import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { expectedDefinitions } from "../../src/storage/metadata/migrations/expected-definitions.ts";

/** Changes with each new migration, and by nothing else. */
const knownHash = "8311d64aca64af58defda6f6f47b3c69de37eb604c288a4ea772d85a43ecc18f";

test("migrations make the definitions that the databases in use have, to the letter: verify compares them", async () => {
  const definitions = [...(await expectedDefinitions())].toSorted().join("\n");
  assert.equal(hash("sha256", definitions), knownHash);
});
