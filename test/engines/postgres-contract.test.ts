import { after, before, test } from "node:test";
import type { PostgresStore } from "../../packages/server/src/storage/metadata/postgres/postgres-store.ts";
import { metadataStoreContract } from "../../packages/server/test/contract/metadata-store.ts";
import { emptiedTables } from "../../packages/server/test/support/emptied-tables.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { connectDirectly, openTestNode } from "../support/engines/postgres-store.ts";

const missing = missingEngine("postgres");

if (missing) {
  test("the metadata store's contract with PostgreSQL", { skip: missing }, () => undefined);
} else {
  let engine: Engine;
  let url: string;
  let store: PostgresStore;

  before(async () => {
    engine = await startEngine("postgres");
    url = engine.variables["DATABASE_URL"] ?? "";
    store = await openTestNode(url);
  });

  after(async () => {
    await store.close();
    await engine[Symbol.asyncDispose]();
  });

  metadataStoreContract("PostgreSQL", async () => {
    await using client = await connectDirectly(url);
    await client.query(`truncate ${emptiedTables.join(", ")} restart identity`);
    return { ...store, close: async () => undefined };
  });
}
