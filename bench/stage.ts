import { setTimeout as sleep } from "node:timers/promises";
import { Connection, headerOf } from "./connection.ts";
import { Requests } from "./requests.ts";
import { type Content, contentOf, randomBytes, sourceSizeBytes } from "./source.ts";

/** The servers and the content that all measurements share. */
export interface Stage {
  readonly server: { readonly pid: number; readonly port: number };
  readonly requests: Requests;
  readonly source: Content;
  /** A plain server over the files of `folder`. */
  readonly bare: { readonly port: number };
  /** The same, by nginx; null where it is not installed. */
  readonly nginx: { readonly port: number } | null;
  readonly folder: string;
}

export const vault = "bench-00";

export async function setStage(parts: Omit<Stage, "requests" | "source">): Promise<Stage> {
  const requests = new Requests(parts.server.port);
  await withConnections(parts.server.port, 1, ([connection]) => connection.expect(201, requests.createVault(vault)));
  return { ...parts, requests, source: contentOf(randomBytes(sourceSizeBytes)) };
}

/** Opens connections, uses them, closes them. */
export async function withConnections<Result>(
  port: number,
  count: number,
  use: (connections: [Connection, ...Connection[]]) => Promise<Result>,
): Promise<Result> {
  const connections = await Connection.openMany(port, count);
  try {
    return await use(connections as [Connection, ...Connection[]]);
  } finally {
    for (const connection of connections) {
      connection.close();
    }
  }
}

/** Uploads the source, and starts a job whose output it is. */
export function retrievedSource({ server, requests, source }: Stage): Promise<string> {
  return withConnections(server.port, 1, async ([connection]) => {
    const archive = await connection.expect(201, requests.uploadArchive(vault, source));
    const job = await connection.expect(202, requests.retrieveArchive(vault, headerOf(archive, "x-amz-archive-id")));
    const jobId = headerOf(job, "x-amz-job-id");
    for (;;) {
      const { text } = await connection.expect(200, requests.describeJob(vault, jobId));
      const { StatusCode: status } = JSON.parse(text) as { StatusCode: string };
      if (status === "Succeeded") {
        return jobId;
      }
      if (status === "Failed") {
        throw new Error(`The job failed: ${text}`);
      }
      await sleep(20);
    }
  });
}

/** Each connection asks again as soon as it has its response, for this long; resolves to the number of responses. */
export async function askForSeconds(
  connections: readonly Connection[],
  seconds: number,
  ask: (connection: Connection, index: number) => Promise<unknown>,
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let answers = 0;
  await Promise.all(
    connections.map(async (connection, index) => {
      while (performance.now() < end) {
        await ask(connection, index);
        answers += 1;
      }
    }),
  );
  return answers;
}
