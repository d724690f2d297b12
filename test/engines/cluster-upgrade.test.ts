import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateVaultCommand,
  DeleteArchiveCommand,
  DescribeVaultCommand,
  GetJobOutputCommand,
  GlacierClient,
  InitiateJobCommand,
  UploadArchiveCommand,
} from "@aws-sdk/client-glacier";
import type { NodeDescription } from "@moraine/protocol";
import { packageVersion } from "../../packages/server/src/package-version.ts";
import { plantedCopy } from "../rigs/planted/copy.ts";
import { contentOf, treeHashOf } from "../support/content.ts";
import { type Cluster, missingCluster, startCluster } from "../support/engines/cluster.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { own } from "../support/sdk-client.ts";
import { type NodeCommand, region, repositoryRoot, rootKey, sourcesCommand } from "../support/server-process.ts";

const vaultName = "upgraded";
const workers = 3;
const nextVersion = "99.0.0";
const sizeBytes = 50_000;

test("nodes are replaced by those of a newer version, one after the other, without a failed request", {
  skip: missingCluster(),
  timeout: 300_000,
}, async (context) => {
  await using next = await nextRelease();
  await using cluster = await startCluster();
  const versions = async () => (await nodesOf(cluster)).map(({ Version }) => Version);
  await using load = await startLoad(cluster.url);
  const [old] = await versions();
  assert.equal(old, packageVersion());

  await sleep(2000);
  await cluster.nodes[0]?.stop();
  await sleep(1000);
  await cluster.replace(0, next.command);
  assert.deepEqual(await versions(), [old, nextVersion]);
  // The schema is newer now, and the other node continues.
  await sleep(3000);
  await cluster.nodes[1]?.stop();
  await assert.rejects(cluster.replace(1), /newer schema 9999-next: a newer version of the program wrote it/);
  await cluster.replace(1, next.command);
  assert.deepEqual(await versions(), [nextVersion, nextVersion]);
  await sleep(2000);

  const { calls, failures } = await load.stop();
  context.diagnostic(JSON.stringify({ calls, failures: failures.length }));
  assert.deepEqual(failures, []);
  assert.ok(calls > 50, `${calls} calls`);
});

async function nodesOf({ url }: Cluster): Promise<NodeDescription[]> {
  const glacier = new GlacierHttp(url);
  const { Nodes } = (await glacier.admin("GET", "/nodes")) as { Nodes: NodeDescription[] };
  glacier.close();
  return Nodes;
}

/** The server as it is, of another version, with another migration. */
async function nextRelease(): Promise<AsyncDisposable & { readonly command: NodeCommand }> {
  const last = '"0002-copy-mark": { up: copyMark },';
  const up = 'async (db) => void (await db.schema.alterTable("nodes").addColumn("next", "text").execute())';
  const copy = await plantedCopy({
    name: "another migration",
    file: "storage/metadata/migrations/postgres/migrate.ts",
    correct: last,
    wrong: `${last}\n  "9999-next": { up: ${up} },`,
  });
  const manifest = join(copy.path, "packages/server/package.json");
  const text = await readFile(manifest, "utf8");
  await writeFile(manifest, JSON.stringify({ ...JSON.parse(text), version: nextVersion }));
  const args = sourcesCommand.args.map((word) => word.replace(repositoryRoot, `${copy.path}/`));
  return Object.assign(copy, { command: { ...sourcesCommand, args } });
}

/** AWS's SDK as it is: it repeats requests that were interrupted. */
async function startLoad(url: string) {
  const client = new GlacierClient({ endpoint: url, region, credentials: rootKey });
  await client.send(new CreateVaultCommand({ ...own, vaultName }));
  const stopping = new AbortController();
  const failures: string[] = [];
  let calls = 0;
  const send: typeof client.send = async (command: never) => {
    const response = await client.send(command);
    calls += 1;
    return response;
  };
  const work = async (worker: number) => {
    for (let number = 0; !stopping.signal.aborted; number += 1) {
      await storeAndRead({ send }, contentOf(worker * 10_000 + number, sizeBytes)).catch((error: unknown) => {
        failures.push(String(error));
      });
    }
  };
  const running = Array.from({ length: workers }, (_, worker) => work(worker));
  const stop = async () => {
    stopping.abort();
    await Promise.all(running);
    client.destroy();
    return { calls, failures };
  };
  return {
    stop,
    // A test that fails must not leave it running.
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function storeAndRead({ send }: Pick<GlacierClient, "send">, body: Buffer): Promise<void> {
  const vault = { ...own, vaultName };
  const { archiveId } = await send(new UploadArchiveCommand({ ...vault, body }));
  const jobParameters = { Type: "archive-retrieval", ArchiveId: archiveId };
  const { jobId } = await send(new InitiateJobCommand({ ...vault, jobParameters }));
  await send(new DescribeVaultCommand(vault));
  const { checksum } = await send(new GetJobOutputCommand({ ...vault, jobId })).catch((error: Error) => {
    // The job is not complete.
    assert.equal(error.name, "InvalidParameterValueException");
    return { checksum: treeHashOf(body) };
  });
  assert.equal(checksum, treeHashOf(body));
  await send(new DeleteArchiveCommand({ ...vault, archiveId }));
}
