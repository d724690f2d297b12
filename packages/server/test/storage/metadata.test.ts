import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before } from "node:test";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { metadataStoreContract } from "../contract/metadata-store.ts";
import { emptiedTables } from "../support/emptied-tables.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { rowSecret } from "../support/row-secret.ts";

metadataStoreContract("inline in memory", () => openInlineStore(":memory:"));

let folder: string;
let store: MetadataStore;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "metadata-test-"));
  const onFailure = (error: Error) => {
    throw error;
  };
  store = await openSqliteStore({ path: join(folder, "metadata.db"), mayCreate: true, rowSecret, onFailure });
});

after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

// Two threads started for each story would take longer than all the stories, so one store serves them all, emptied.
metadataStoreContract("SQLite on threads", async () => {
  const database = new DatabaseSync(join(folder, "metadata.db"), { timeout: 5000 });
  for (const table of emptiedTables) {
    database.exec(`DELETE FROM ${table}`);
  }
  database.close();
  return { ...store, close: async () => undefined };
});
