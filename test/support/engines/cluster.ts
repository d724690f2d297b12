import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startBalancer } from "../../../packages/server/test/support/two-nodes.ts";
import { type NodeCommand, type ServerProcess, startCommand, startServer } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { missingEngine, startEngine } from "./engine.ts";
import { type S3Place, s3Place } from "./s3-place.ts";

/** Nodes as operators run them, each a process, with a database and a bucket of their own, and a balancer before them. */
export interface Cluster extends AsyncDisposable {
  /** The balancer: each request goes to the next node. */
  readonly url: string;
  readonly nodes: readonly ServerProcess[];
  readonly databaseUrl: string;
  /** Flags and environment of a node, which commands take as well. */
  readonly place: S3Place;
  readonly sealingKey: string;
  /** Puts a new node in the place of one that has ended. @param command of another version. */
  replace(index: number, command?: NodeCommand): Promise<void>;
}

/** Suits `skip` of a test. */
export const missingCluster = (): string | false => missingEngine("postgres") || missingEngine("ceph");

export interface ClusterOptions {
  /** More flags of the nodes. */
  readonly flags?: readonly string[];
  /** The bucket's endpoint as the nodes see it, by its own one. @default its own */
  endpointOf?(own: string): Promise<string>;
  /** More settings of the bucket's URL. @default none */
  readonly blobSettings?: string;
  /** Storage classes that the bucket knows. @default STANDARD alone */
  readonly storageClasses?: string;
  /** Words before the command of a node. @default none */
  prefixOf?(index: number): readonly string[];
}

export async function startCluster(
  nodeCount = 2,
  {
    flags: more = [],
    endpointOf = async (own) => own,
    prefixOf = () => [],
    blobSettings,
    storageClasses,
  }: ClusterOptions = {},
): Promise<Cluster> {
  const started = new AsyncDisposableStack();
  try {
    const [postgres, ceph, folder] = await Promise.all([
      startEngine("postgres"),
      startEngine("ceph", { CEPH_STORAGE_CLASSES: storageClasses }),
      temporaryFolder(),
    ]);
    for (const part of [postgres, ceph, folder]) {
      started.use(part);
    }
    const databaseUrl = postgres.variables["DATABASE_URL"] ?? "";
    const place = s3Place(ceph, await endpointOf(ceph.variables["S3_ENDPOINT"] ?? ""), blobSettings);
    const sealingKey = join(folder.path, "sealing.key");
    await writeFile(sealingKey, randomBytes(32), { mode: 0o600 });
    const flags = ["--database", databaseUrl, "--blobs", place.url, "--sealing-key", sealingKey, ...more];
    const startNode = (index: number, command: NodeCommand) =>
      startServer({
        ...{ dataFolder: null, flags, environment: place.environment },
        command: { ...command, prefix: prefixOf(index) },
      });
    const nodes: ServerProcess[] = [];
    started.defer(async () => {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    });
    const ports: number[] = [];
    const replace = async (index: number, command = startCommand) => {
      const node = await startNode(index, command);
      nodes[index] = node;
      ports[index] = Number(new URL(node.url).port);
    };
    for (let index = 0; index < nodeCount; index += 1) {
      await replace(index);
    }
    const url = `http://127.0.0.1:${await startBalancer(ports, started)}`;
    return { url, nodes, databaseUrl, place, sealingKey, replace, [Symbol.asyncDispose]: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}
