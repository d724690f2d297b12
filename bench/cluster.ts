import { availableParallelism, cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { missingCluster, startCluster } from "../test/support/engines/cluster.ts";
import type { S3Place } from "../test/support/engines/s3-place.ts";
import { compare, type Figure } from "./compare.ts";
import { Connection, headerOf } from "./connection.ts";
import { Requests } from "./requests.ts";
import { type Content, randomBytes, slicesOf } from "./source.ts";
import { askForSeconds, vault } from "./stage.ts";
import { formatTables } from "./table.ts";

// Two nodes against one, and one against the store itself through AWS's SDK: PostgreSQL, Ceph, the nodes and the clients share this machine.

const largeCount = 4;
const largeBytes = 32 * 1024 ** 2;
const smallCount = 16;
const smallBytes = 16 * 1024;
const smallSeconds = 3;
/** The overhead over the store's own transfers that is allowed, and what a second node must bring. */
const goals = { ofStore: 1 / 1.3, ofOneNode: 1.7 };
const idNames = ["x-amz-archive-id", "x-amz-job-id"];

/** Connections of clients, and what they may ask for: each is with one node. */
interface Clients {
  readonly connections: readonly Connection[];
  readonly requests: readonly Requests[];
}

const missing = missingCluster();
if (missing === false) {
  console.log(`${cpus()[0]?.model.trim()}, ${availableParallelism()} cores\n\n${formatTables(await measureAll())}`);
} else {
  console.error(`bench: ${missing}`);
  process.exitCode = 1;
}

async function measureAll(): Promise<Figure[]> {
  await using cluster = await startCluster(2);
  const ports = cluster.nodes.map(({ url }) => Number(new URL(url).port));
  const [pid = 0] = cluster.nodes.map((node) => node.pid);
  const store = storeOf(cluster.place);
  const clientsOf = async (count: number, used: readonly number[]): Promise<Clients> => {
    const own = Array.from({ length: count }, (_, index) => used[index % used.length] ?? 0);
    return {
      connections: await Promise.all(own.map((port) => Connection.open(port))),
      requests: own.map((port) => new Requests(port)),
    };
  };
  const large = slicesOf(randomBytes(largeCount * largeBytes), largeCount);
  const small = slicesOf(randomBytes(smallCount * smallBytes), smallCount);
  const [one, two] = [await clientsOf(largeCount, ports.slice(0, 1)), await clientsOf(largeCount, ports)];
  const [manyOfOne, manyOfTwo] = [await clientsOf(smallCount, ports.slice(0, 1)), await clientsOf(smallCount, ports)];
  await expectAll(one, 201, (requests) => requests.createVault(vault), 1);
  const names = large.map((_, index) => `large-${index}`);
  const jobs = await retrieve(one, large);
  const upload = (clients: Clients) => uploadAll(clients, large);
  const download = (clients: Clients) => downloadAll(clients, jobs);
  const uploadSmall = ({ connections, requests }: Clients) => {
    const uploads = small.map((content, index) => requests[index]?.uploadArchive(vault, content) ?? []);
    return askForSeconds(connections, smallSeconds, (connection, index) =>
      connection.expect(201, uploads[index] ?? []),
    );
  };
  const common = { serverPid: pid, unit: "bytes" } as const;
  const figures = [
    await compare({
      ...{ ...common, name: `upload of ${largeCount} times 32 MiB`, run: () => upload(one) },
      references: [{ name: "PutObject", goal: goals.ofStore, run: () => store.putAll(names, large) }],
    }),
    await compare({
      ...{ ...common, name: "the same through two nodes", run: () => upload(two) },
      references: [{ name: "one node", goal: goals.ofOneNode, run: () => upload(one) }],
    }),
    await compare({
      ...{ ...common, name: `download of ${largeCount} times 32 MiB`, run: () => download(one) },
      references: [{ name: "GetObject", goal: goals.ofStore, run: () => store.getAll(names) }],
    }),
    await compare({
      ...{ ...common, name: "the same through two nodes", run: () => download(two) },
      references: [{ name: "one node", goal: goals.ofOneNode, run: () => download(one) }],
    }),
    await compare({
      ...{ serverPid: pid, unit: "requests", name: `archives of 16 KiB, ${smallCount} clients` },
      run: () => uploadSmall(manyOfOne),
      references: [{ name: "PutObject", goal: goals.ofStore, run: () => store.putForSeconds(small) }],
    }),
    await compare({
      ...{ serverPid: pid, unit: "requests", name: "the same through two nodes" },
      run: () => uploadSmall(manyOfTwo),
      references: [{ name: "one node", goal: goals.ofOneNode, run: () => uploadSmall(manyOfOne) }],
    }),
  ];
  for (const connection of [one, two, manyOfOne, manyOfTwo].flatMap(({ connections }) => connections)) {
    connection.close();
  }
  store.close();
  return figures;
}

async function uploadAll(clients: Clients, contents: readonly Content[]): Promise<number> {
  await expectAll(clients, 201, (requests, index) => requests.uploadArchive(vault, contents[index] as Content));
  return contents.length * largeBytes;
}

async function downloadAll(clients: Clients, jobs: readonly string[]): Promise<number> {
  await expectAll(clients, 200, (requests, index) => requests.getJobOutput(vault, jobs[index] ?? ""));
  return jobs.length * largeBytes;
}

/** Uploads, and resolves to the ids of jobs whose output is there. */
async function retrieve(clients: Clients, contents: readonly Content[]): Promise<string[]> {
  const archives = await expectAll(clients, 201, (requests, index) =>
    requests.uploadArchive(vault, contents[index] as Content),
  );
  const jobs = await expectAll(clients, 202, (requests, index) =>
    requests.retrieveArchive(vault, archives[index]?.["x-amz-archive-id"] ?? ""),
  );
  const ids = jobs.map((job) => job["x-amz-job-id"] ?? "");
  for (const [index, id] of ids.entries()) {
    const describe = () => clients.connections[0]?.expect(200, clients.requests[0]?.describeJob(vault, id) ?? []);
    while (!(await describe())?.text.includes('"Succeeded"')) {
      await sleep(100 + index);
    }
  }
  return ids;
}

type Ids = Readonly<Record<string, string>>;

/** One request on each of the first connections; resolves to the ids in the responses. */
function expectAll(
  { connections, requests }: Clients,
  status: number,
  make: (requests: Requests, index: number) => readonly Uint8Array[],
  count = connections.length,
): Promise<Ids[]> {
  return Promise.all(
    connections.slice(0, count).map(async (connection, index) => {
      const answer = await connection.expect(status, make(requests[index] as Requests, index), () => undefined);
      const named = idNames.filter((name) => answer.head.toLowerCase().includes(`\r\n${name}:`));
      return Object.fromEntries(named.map((name) => [name, headerOf(answer, name)]));
    }),
  );
}

/** The store past all code of ours, as AWS's SDK uses it. */
function storeOf({ bucket: Bucket, prefix, endpoint, environment }: S3Place) {
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = environment;
  const credentials = { accessKeyId, secretAccessKey };
  const s3 = new S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, credentials });
  const put = (name: string, Body: Buffer) =>
    s3.send(new PutObjectCommand({ Bucket, Key: `${prefix}/bench/${name}`, Body }));
  return {
    async putAll(names: readonly string[], contents: readonly Content[]): Promise<number> {
      await Promise.all(names.map((name, index) => put(name, contents[index]?.bytes ?? Buffer.alloc(0))));
      return names.length * largeBytes;
    },
    async getAll(names: readonly string[]): Promise<number> {
      const bodies = names.map(async (name) => {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: `${prefix}/bench/${name}` }));
        return (await Body?.transformToByteArray())?.length ?? 0;
      });
      return (await Promise.all(bodies)).reduce((sum, sizeBytes) => sum + sizeBytes, 0);
    },
    async putForSeconds(contents: readonly Content[]): Promise<number> {
      const end = performance.now() + smallSeconds * 1000;
      let count = 0;
      await Promise.all(
        contents.map(async ({ bytes }, index) => {
          for (; performance.now() < end; count += 1) {
            await put(`small-${index}-${count}`, bytes);
          }
        }),
      );
      return count;
    },
    close: () => s3.destroy(),
  };
}
