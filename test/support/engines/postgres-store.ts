import pg from "pg";
import { parseDatabaseUrl } from "../../../packages/server/src/storage/metadata/postgres/database-url.ts";
import {
  openPostgresStore,
  type PostgresStore,
  type PostgresStoreOptions,
} from "../../../packages/server/src/storage/metadata/postgres/postgres-store.ts";
import { rowSecret } from "../../../packages/server/test/support/row-secret.ts";

let nodes = 0;

/** A store of the database, as a node of its own. */
export function openTestNode(url: string, options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  nodes += 1;
  return openPostgresStore({
    url: parseDatabaseUrl(url),
    node: { id: `node-${nodes}`, host: "test", version: "0.0.0", requestsInProgress: () => 0 },
    isInsecureAllowed: false,
    rowSecret,
    ...options,
  });
}

/** A connection past the service, for what a test changes or looks up by itself. */
export async function connectDirectly(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client(url);
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
