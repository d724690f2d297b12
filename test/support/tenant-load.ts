import { parentPort, workerData } from "node:worker_threads";
import { type Call, GlacierHttp } from "./glacier-http.ts";

// A tenant's load, on a thread of its own so that it does not slow down the client whose times are measured.

export interface TenantLoad {
  readonly url: string;
  /** For each connection: what it sends again and again, and whose key it signs with. */
  readonly connections: readonly {
    readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly call: Omit<Call, "body"> & { readonly body?: string };
  }[];
}

const { url, connections } = workerData as TenantLoad;
const counts: Record<string, number> = {};
let isStopped = false;
parentPort?.once("message", () => {
  isStopped = true;
});

async function repeat({ key, call }: TenantLoad["connections"][number]): Promise<void> {
  const glacier = new GlacierHttp(url, key);
  const { body, ...rest } = call;
  while (!isStopped) {
    const { status } = await glacier.send(body === undefined ? rest : { ...rest, body: Buffer.from(body) });
    const name = `${call.method} ${call.path.split("/").at(-1)} ${status}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  glacier.close();
}

await Promise.all(connections.map(repeat));
parentPort?.postMessage(counts);
