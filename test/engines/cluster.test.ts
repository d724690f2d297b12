import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmod, readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  CreateVaultCommand,
  GetJobOutputCommand,
  GlacierClient,
  InitiateJobCommand,
  UploadArchiveCommand,
} from "@aws-sdk/client-glacier";
import { contentOf, treeHashOf } from "../support/content.ts";
import { missingEngine } from "../support/engines/engine.ts";
import { own } from "../support/sdk-client.ts";
import { cleanEnvironment, endingOf, region, repositoryRoot, within } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The cluster that `npm run cluster` starts for people who try it.

const startMillisecondsMax = 120_000;
const endMillisecondsMax = 60_000;
const vaultName = "photos";
const content = contentOf(1, 9 * 1024 ** 2 + 1);

const missing = missingEngine("postgres") || missingEngine("ceph") || missingNginx();

test("a cluster stores and returns archives by all its nodes, does without one that is killed, and leaves nothing", {
  skip: missing,
}, async () => {
  await using folder = await temporaryFolder();
  // PostgreSQL's user passes through it.
  await chmod(folder.path, 0o711);
  const cluster = await startCluster(folder.path);
  try {
    const client = clientOf(cluster.lines, await readFile(cluster.keyFile, "utf8"));
    await client.send(new CreateVaultCommand({ ...own, vaultName }));
    assert.deepEqual(await storedAndReturned(client), content);
    assert.deepEqual(
      (await Promise.all(cluster.nodes.map(servedRequests))).map((count) => count > 0),
      [true, true],
    );
    process.kill(cluster.nodes[0]?.pid ?? 0, "SIGKILL");
    assert.deepEqual(await storedAndReturned(client), content);
    client.destroy();
  } finally {
    await cluster.stop();
  }
  assert.deepEqual(await leftIn(folder.path), []);
  assert.deepEqual(await processesThatName(folder.path), []);
});

test("a cluster that is interrupted while it starts leaves nothing", { skip: missing }, async () => {
  await using folder = await temporaryFolder();
  await chmod(folder.path, 0o711);
  const cluster = spawnCluster(folder.path);
  await seen(cluster.child.stderr, /starting 2 nodes/, cluster.ending);
  // As a terminal does for Ctrl-C: all its processes get it, npm's and the nodes'.
  process.kill(-(cluster.child.pid ?? 0), "SIGINT");
  await within(endMillisecondsMax, cluster.ending, "the cluster does not end");
  assert.deepEqual(await leftIn(folder.path), []);
  assert.deepEqual(await processesThatName(folder.path), []);
});

test("a port that is no number is refused", async () => {
  const child = spawn("npm", ["run", "--silent", "cluster", "--", "--port", "http"], { cwd: repositoryRoot });
  const { code, stderr } = await endingOf(child);
  assert.equal(code, 2);
  assert.match(stderr, /Invalid port "http": expected a number up to 65535/);
});

async function startCluster(folder: string) {
  const { child, ending } = spawnCluster(folder);
  const stop = async () => {
    child.kill("SIGTERM");
    const { code, stderr } = await within(endMillisecondsMax, ending, "the cluster does not end");
    assert.equal(code, 0, stderr);
  };
  const lines = await seen(child.stdout, /^\. \S+$/m, ending);
  const nodes = [...lines.matchAll(/^# Node \d is process (\d+) at \S+, its metrics are at (\S+)$/gm)];
  return {
    lines,
    keyFile: /^\. (\S+)$/m.exec(lines)?.[1] ?? "",
    nodes: nodes.map(([, pid, metricsUrl = ""]) => ({ pid: Number(pid), metricsUrl })),
    stop,
  };
}

function spawnCluster(folder: string) {
  const child = spawn("npm", ["run", "--silent", "cluster", "--", "--port", "0"], {
    cwd: repositoryRoot,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...cleanEnvironment(), TMPDIR: folder },
  });
  return { child, ending: endingOf(child) };
}

/** Resolves to the output when it matches. */
async function seen(output: NodeJS.ReadableStream, pattern: RegExp, ending: ReturnType<typeof endingOf>) {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  output.on("data", (piece: string) => {
    text += piece;
    if (pattern.test(text)) {
      resolve(text);
    }
  });
  const early = ending.then(({ code, stderr }) => {
    throw new Error(`The cluster ended with ${code} before it had started: ${stderr}`);
  });
  early.catch(() => undefined);
  return within(startMillisecondsMax, Promise.race([promise, early]), "the cluster does not start");
}

/** By the lines as a shell would read them. */
function clientOf(lines: string, keyLines: string): GlacierClient {
  const exported = (name: string) =>
    new RegExp(`^export ${name}=(\\S+)$`, "m").exec(`${lines}\n${keyLines}`)?.[1] ?? "";
  assert.equal(exported("AWS_REGION"), region);
  return new GlacierClient({
    endpoint: exported("AWS_ENDPOINT_URL_GLACIER"),
    region,
    credentials: {
      accessKeyId: exported("AWS_ACCESS_KEY_ID"),
      secretAccessKey: exported("AWS_SECRET_ACCESS_KEY"),
    },
  });
}

async function storedAndReturned(client: GlacierClient): Promise<Buffer> {
  const inVault = { ...own, vaultName };
  const { archiveId } = await client.send(
    new UploadArchiveCommand({ ...inVault, body: content, checksum: treeHashOf(content) }),
  );
  const { jobId } = await client.send(
    new InitiateJobCommand({ ...inVault, jobParameters: { Type: "archive-retrieval", ArchiveId: archiveId } }),
  );
  for (;;) {
    try {
      const { body } = await client.send(new GetJobOutputCommand({ ...inVault, jobId }));
      return Buffer.from((await body?.transformToByteArray()) ?? []);
    } catch (error) {
      // The job is not complete.
      assert.equal((error as Error).name, "InvalidParameterValueException");
    }
  }
}

async function servedRequests({ metricsUrl }: { readonly metricsUrl: string }): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  const counts = text.matchAll(/^moraine_request_seconds_count\{operation="(?!page|none).*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Names of files. npm has a cache of its own there. */
async function leftIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== "node-compile-cache");
}

/** Processes that have the folder in their arguments or their environment. */
async function processesThatName(folder: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const texts = await Promise.all(
    pids.map(async (pid) => {
      const files = ["cmdline", "environ"].map((name) => readFile(`/proc/${pid}/${name}`, "utf8").catch(() => ""));
      return (await Promise.all(files)).join(" ");
    }),
  );
  return texts.filter((text) => text.includes(folder));
}

function missingNginx(): string | false {
  try {
    execFileSync("nginx", ["-v"], { stdio: "ignore" });
    return false;
  } catch {
    return "not installed: nginx; run apt-get install nginx-light";
  }
}
