import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, type ClientRequest, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import type { Node } from "../../src/domain/node.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import { parseDatabaseUrl } from "../../src/storage/metadata/postgres/database-url.ts";
import { openPostgresStore } from "../../src/storage/metadata/postgres/postgres-store.ts";
import { rowSecret } from "./row-secret.ts";

/** Names the PostgreSQL server in which each test server has a database, and two nodes behind a balancer. Without it, test servers are embedded. */
export const testDatabaseUrl = process.env["MORAINE_TEST_DATABASE"];

export interface TestNode {
  readonly metadata: MetadataStore;
  readonly node: Node;
}

const template = "moraine_template";

/** Opens the stores of two nodes, in a database that is dropped with them. */
export async function openTwoStores(serverUrl: string, started: AsyncDisposableStack): Promise<TestNode[]> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  const admin = new pg.Client(serverUrl);
  await admin.connect();
  started.defer(() => admin.end());
  // Files of tests start at the same time: a database that somebody still makes, or has open, is no template.
  await admin.query("select pg_advisory_lock(1)");
  await makeTemplate(admin, serverUrl).finally(() => admin.query("select pg_advisory_unlock(1)"));
  await admin.query(`create database ${name} template ${template}`);
  started.defer(() => admin.query(`drop database ${name} with (force)`).then(() => undefined));
  const stores = await Promise.all(["one", "other"].map((node) => openNode(urlOf(serverUrl, name), node)));
  started.defer(() => Promise.all(stores.map((store) => store.close())).then(() => undefined));
  return stores.map((metadata) => ({ metadata, node: metadata.node }));
}

/** A database with all tables, of which others are copies: to make the tables takes longer. */
async function makeTemplate(admin: pg.Client, serverUrl: string): Promise<void> {
  const { rows } = await admin.query("select 1 from pg_database where datname = $1", [template]);
  if (rows.length > 0) {
    return;
  }
  await admin.query(`create database ${template}`);
  const store = await openNode(urlOf(serverUrl, template), "first");
  await store.close();
}

const openNode = (url: string, id: string) =>
  openPostgresStore({
    url: parseDatabaseUrl(url),
    node: { id, host: "test", version: "0.0.0", requestsInProgress: () => 0 },
    // Nobody needs the data of these tests.
    isInsecureAllowed: true,
    rowSecret,
  });

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/**
 * Passes each request on to the next of the ports, as it is, and past those where nobody listens. A node that ends the connection ends
 * the client's. Resolves to the port where it listens.
 */
export async function startBalancer(ports: readonly number[], started: AsyncDisposableStack): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let requests = 0;
  const pass = (incoming: IncomingMessage, response: ServerResponse, refused = 0) => {
    const port = ports[requests % ports.length];
    requests += 1;
    const { method, url: path, rawHeaders: headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent, setHost: false });
    outgoing.on("continue", () => response.writeContinue());
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.statusMessage, answer.rawHeaders);
      pipeline(answer, response).catch(() => response.destroy());
    });
    outgoing.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "ECONNREFUSED" && refused + 1 < ports.length) {
        pass(incoming, response, refused + 1);
      } else {
        // The request may have been read to its end: to destroy it would then leave the connection open.
        response.destroy();
      }
    });
    // Nothing of the body is taken before a node does.
    whenConnected(outgoing, () => {
      pipeline(incoming, outgoing).catch(() => outgoing.destroy());
    });
  };
  const onRequest = (incoming: IncomingMessage, response: ServerResponse) => pass(incoming, response);
  const server = createServer(onRequest).on("checkContinue", onRequest);
  started.defer(async () => {
    agent.destroy();
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function whenConnected(outgoing: ClientRequest, action: () => void): void {
  outgoing.once("socket", (socket) => {
    if (socket.connecting) {
      socket.once("connect", action);
    } else {
      action();
    }
  });
}
