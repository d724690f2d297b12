import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { AccountId } from "@moraine/protocol";
import { announce } from "../../packages/server/src/announce.ts";
import { newAccessKeyId, newSecret } from "../../packages/server/src/auth/new-credentials.ts";
import { parseDatabaseUrl } from "../../packages/server/src/storage/metadata/postgres/database-url.ts";
import { parseBucketUrl } from "../../packages/server/src/storage/s3/bucket-url.ts";
import { missingEngine, startEngine } from "../../test/support/engines/engine.ts";
import { s3Place } from "../../test/support/engines/s3-place.ts";
import { accountId, region, type ServerProcess, startServer } from "../../test/support/server-process.ts";
import { startBalancer } from "./balancer.ts";

// A cluster on this machine, for trying: PostgreSQL, Ceph, two nodes and nginx, until a signal ends it. Nothing of it is kept.

const nodeCount = 2;
const portDefault = "8484";
const exitFailed = 1;
const exitUsage = 2;

const stopping = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => stopping.abort(new Error("interrupted")));
}
const wantedPort = portOrExit();
try {
  await runCluster(wantedPort, stopping.signal);
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`cluster: ${(error as Error).message}`);
    process.exitCode = exitFailed;
  }
}

/** Resolves when the signal has ended it. Each step of the start is undone also when a later one fails. */
async function runCluster(wanted: number, signal: AbortSignal): Promise<void> {
  assertInstalled();
  const port = await freePort(wanted);
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "moraine-cluster-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  note("starting PostgreSQL and Ceph");
  const database = started.use(await startEngine("postgres"));
  signal.throwIfAborted();
  const store = started.use(await startEngine("ceph"));
  signal.throwIfAborted();
  note(`starting ${nodeCount} nodes and nginx`);
  const settings = await settingsIn(folder, {
    database: database.variables["DATABASE_URL"] ?? "",
    place: s3Place(store),
  });
  const nodes: ServerProcess[] = [];
  while (nodes.length < nodeCount) {
    const node = await startServer({ dataFolder: null, ...settings.ofNodes });
    started.defer(() => stopNode(node));
    nodes.push(node);
    signal.throwIfAborted();
  }
  const { url } = started.use(await startBalancer({ folder, port, nodes: nodes.map((node) => node.url) }));
  signal.throwIfAborted();
  for (const [index, node] of nodes.entries()) {
    console.log(
      `# Node ${index + 1} is process ${node.pid} at ${node.url}, its metrics are at ${node.metricsUrl}/metrics`,
    );
  }
  const isProxied = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].some((name) => process.env[name]);
  await announce(process.stdout, { ...settings.announced, url, dataFolder: folder, isProxied });
  note("Ctrl-C stops all of it, and removes all data");
  await once(signal, "abort");
  note("stopping");
}

/** Settings that are the same for all nodes, and how they are announced: as a single server would. */
async function settingsIn(
  folder: string,
  { database, place }: { readonly database: string; readonly place: ReturnType<typeof s3Place> },
) {
  const sealingKey = join(folder, "sealing-key");
  await writeFile(sealingKey, randomBytes(32), { mode: 0o600 });
  const newKey = { accountId: accountId as AccountId, accessKeyId: newAccessKeyId(), secretAccessKey: newSecret() };
  return {
    ofNodes: {
      flags: [
        ...["--database", database, "--blobs", place.url, "--sealing-key", sealingKey, "--region", region],
        ...["--trusted-proxy", "127.0.0.1", "--metrics-listen", "127.0.0.1:0"],
      ],
      environment: {
        ...place.environment,
        MORAINE_ROOT_ACCESS_KEY_ID: newKey.accessKeyId,
        MORAINE_ROOT_SECRET_ACCESS_KEY: newKey.secretAccessKey,
      },
    },
    announced: {
      ...{ metricsUrl: null, isDefaultDataFolder: false, isEphemeral: true, region, warnings: [] },
      database: { url: parseDatabaseUrl(database) },
      blobs: parseBucketUrl(place.url),
      ...{ newKey, isKeyGiven: false, rootKeyFile: null },
    },
  };
}

/** A node may have been killed, to see the other one serve. */
async function stopNode(node: ServerProcess): Promise<void> {
  node.signal("SIGTERM");
  await node.ended;
}

function assertInstalled(): void {
  const missing = [missingEngine("postgres"), missingEngine("ceph"), missingNginx()].filter(
    (reason) => reason !== false,
  );
  if (missing.length > 0) {
    throw new Error(`this machine cannot run it\n${missing.map((reason) => `  ${reason}`).join("\n")}`);
  }
}

function missingNginx(): string | false {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    return false;
  } catch {
    return "not installed: nginx; run RUNLEVEL=1 apt-get install --no-install-recommends nginx-light";
  }
}

/** Throws when it is taken. @param wanted 0 for any */
async function freePort(wanted: number): Promise<number> {
  const server = createServer().listen(wanted, "127.0.0.1");
  await once(server, "listening").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`cannot listen on 127.0.0.1:${wanted} (${error.code}): choose another port with -- --port N`);
  });
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function portOrExit(): number {
  try {
    const { port } = parseArgs({ options: { port: { type: "string", default: portDefault } } }).values;
    if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535) {
      throw new Error(`Invalid port ${JSON.stringify(port)}: expected a number up to 65535`);
    }
    return Number(port);
  } catch (error) {
    console.error(`cluster: ${(error as Error).message}`);
    process.exit(exitUsage);
  }
}

/** Next to the lines that can be pasted. */
function note(message: string): void {
  process.stderr.write(`cluster: ${message}\n`);
}
