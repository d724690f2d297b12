import { setTimeout as sleep } from "node:timers/promises";
import { contentOf, treeHashOf } from "../content.ts";
import { GlacierHttp } from "../glacier-http.ts";
import { untilTrue } from "../sdk-client.ts";
import { startCluster } from "./cluster.ts";
import { underLoad } from "./cluster-load.ts";
import { asNode, type Cut, cutNetwork, healNetwork, prepareNetwork, type Way } from "./network-cuts.ts";
import type { CutNode, PartitionsResult, Round } from "./partitions.ts";

// Partitions of a cluster, run by partitions.ts in a network of its own: `partitions-child.ts WAY …`. Ends with its standard input.

/** Longer than leases, than changes are tried, and than the bucket's connections are silent. */
const cutMilliseconds = 75_000;
const readySecondsMax = 60;
const vault = "probes";

type Node = GlacierHttp & { readonly url: string };

async function partitioned(ways: readonly Way[]): Promise<PartitionsResult> {
  const nodeCount = 3;
  await prepareNetwork(nodeCount);
  await using cluster = await startCluster(nodeCount, { prefixOf: asNode });
  const nodes = cluster.nodes.map(({ url }) => Object.assign(new GlacierHttp(url), { url }));
  const [withoutDatabase, withoutStore, whole] = nodes as [Node, Node, Node];
  await whole.createVault(vault);
  const database = { node: 0, port: portOf(cluster.databaseUrl) };
  const store = { node: 1, port: portOf(cluster.place.endpoint) };
  const rounds: Round[] = [];
  // Three at a time at the node without its store, which it finds to be away when three have failed.
  const workers = [withoutDatabase, withoutDatabase, withoutStore, withoutStore, withoutStore, whole];
  const calls = await underLoad(
    workers.map(({ url }) => url),
    async () => {
      for (const way of ways) {
        await sleep(1000);
        const cuts: Cut[] = [database, store].map((cut) => ({ ...cut, way }));
        rounds.push({ way, ...(await round(cuts, [withoutDatabase, withoutStore, whole])) });
        process.stderr.write(`${JSON.stringify(rounds.at(-1))}\n`);
      }
    },
  );
  for (const node of nodes) {
    node.close();
  }
  return { rounds, calls };
}

async function round(cuts: readonly Cut[], [withoutDatabase, withoutStore, whole]: readonly [Node, Node, Node]) {
  const healing = new AbortController();
  const others = probing(whole, healing.signal);
  await cutNetwork(cuts);
  const cutAt = performance.now();
  const cutOff = [withoutDatabase, withoutStore].map((node) => refusing(node, cutAt));
  await sleep(cutMilliseconds);
  const refusals = await Promise.all(cutOff);
  await healNetwork();
  healing.abort();
  const healedAt = performance.now();
  const returns = await Promise.all([withoutDatabase, withoutStore].map((node) => returning(node, healedAt)));
  const [database, store] = refusals.map((refusal, index) => ({ ...refusal, ...returns[index] })) as [CutNode, CutNode];
  return { database, store, others: await others };
}

/** Waits until a balancer would pass over a node that is cut off, then sends it an upload. */
async function refusing(node: Node, since: number) {
  await untilTrue(`${node.url} is not ready`, async () => !(await isReady(node)), cutMilliseconds / 1000);
  const notReadySeconds = secondsSince(since);
  const askedAt = performance.now();
  const { status } = await upload(node);
  return { notReadySeconds, status, refusedSeconds: secondsSince(askedAt) };
}

async function returning(node: Node, since: number) {
  await untilTrue(`${node.url} is ready`, () => isReady(node), readySecondsMax);
  const readySeconds = secondsSince(since);
  const { status } = await upload(node);
  return { readySeconds, statusAfterwards: status, backSeconds: secondsSince(since) };
}

/** Uploads through another node until the network is whole. */
async function probing(node: Node, signal: AbortSignal) {
  const statuses: number[] = [];
  let slowestSeconds = 0;
  while (!signal.aborted) {
    const began = performance.now();
    statuses.push((await upload(node)).status);
    slowestSeconds = Math.max(slowestSeconds, secondsSince(began));
    await sleep(200);
  }
  return { stored: statuses.filter((status) => status === 201).length, of: statuses.length, slowestSeconds };
}

function upload(node: Node) {
  const body = contentOf(1, 1000);
  const headers = { "x-amz-sha256-tree-hash": treeHashOf(body) };
  return node.send({ method: "POST", path: `/-/vaults/${vault}/archives`, headers, body });
}

async function isReady({ url }: Node): Promise<boolean> {
  return (await fetch(`${url}/health/ready`)).ok;
}

const portOf = (url: string): number => Number(new URL(url).port);

const secondsSince = (began: number): number => Math.round((performance.now() - began) / 100) / 10;

process.stdin.on("end", () => process.exit(1)).resume();
const result = await partitioned(process.argv.slice(2) as Way[]);
process.stdout.write(JSON.stringify(result), () => process.exit());
