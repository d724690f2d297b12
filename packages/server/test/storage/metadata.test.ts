import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before } from "node:test";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { openSqliteStore } from "../../src/storage/metadata/sqlite/sqlite-store.ts";
import { metadataStoreContract } from "../contract/metadata-store.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { rowSecret } from "../support/row-secret.ts";

metadataStoreContract("inline in memory", () => openInlineStore(":memory:"));

// Those that refer to others first.
const tables = [
  "audit_entries",
  "audit_state",
  "damage",
  "scrub",
  "scrub_ranges",
  "scrub_queue",
  "capacity_units",
  "retrieved_bytes",
  "data_retrieval_policies",
  "notifications",
  "releases",
  "removed_vaults",
  "jobs",
  "uploads",
  "segments",
  "upload_requests",
  "archives",
  "vaults",
  "access_keys",
  "used_signatures",
  "user_policies",
  "users",
  "accounts",
  "data_keys",
  "trusted_time",
  "installation",
];

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
  for (const table of tables) {
    database.exec(`DELETE FROM ${table}`);
  }
  database.close();
  return { ...store, close: async () => undefined };
});
