import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compare, type Figure, type Reference } from "./compare.ts";
import type { Connection } from "./connection.ts";
import { plainRequest, type SignedRequest } from "./requests.ts";
import { retrievedSource, type Stage, vault, withConnections } from "./stage.ts";

const rangesAtOnce = 8;
const mainSecondsPerGibibyteMax = 0.45;

/** GetJobOutput of 256 MiB, whole and in eight ranges at once. */
export async function measureDownload(stage: Stage): Promise<Figure[]> {
  const { server, requests, source, folder } = stage;
  const sizeBytes = source.bytes.length;
  const jobId = await retrievedSource(stage);
  await writeFile(join(folder, "download"), source.bytes);
  await assertSame(stage, requests.getJobOutput(vault, jobId));

  const whole = await withConnections(server.port, 1, async (connections) =>
    compare({
      name: "download of 256 MiB",
      unit: "bytes",
      serverPid: server.pid,
      mainSecondsPerGibibyteMax,
      run: () => fetchAll(connections, 200, [requests.getJobOutput(vault, jobId)], sizeBytes),
      references: references(stage, { bare: 0.8 }, (port) =>
        withConnections(port, 1, (others) => fetchAll(others, 200, [plainRequest("GET", "/download")], sizeBytes)),
      ),
    }),
  );
  const ranges = rangesOf(sizeBytes, rangesAtOnce);
  const parts = await withConnections(server.port, rangesAtOnce, async (connections) =>
    compare({
      name: "8 ranges of 32 MiB at once",
      unit: "bytes",
      serverPid: server.pid,
      mainSecondsPerGibibyteMax,
      run() {
        const downloads = ranges.map((range) => requests.getJobOutput(vault, jobId, range));
        return fetchAll(connections, 206, downloads, sizeBytes);
      },
      references: references(stage, { bare: 1, nginx: 0.6 }, (port) => {
        const downloads = ranges.map((range) => plainRequest("GET", "/download", { host: "127.0.0.1", range }));
        return withConnections(port, rangesAtOnce, (others) => fetchAll(others, 206, downloads, sizeBytes));
      }),
    }),
  );
  return [whole, parts];
}

export function rangesOf(sizeBytes: number, count: number): string[] {
  const length = sizeBytes / count;
  return Array.from({ length: count }, (_, index) => `bytes=${index * length}-${(index + 1) * length - 1}`);
}

function references(
  { bare, nginx }: Stage,
  goals: { readonly bare: number; readonly nginx?: number },
  run: (port: number) => Promise<number>,
): Reference[] {
  const handler = { name: "bare handler", goal: goals.bare, run: () => run(bare.port) };
  const { nginx: goal } = goals;
  return nginx === null
    ? [handler]
    : [handler, { name: "nginx", ...(goal !== undefined && { goal }), run: () => run(nginx.port) }];
}

/** One request on each connection; what comes is counted, and dropped. */
async function fetchAll(
  connections: readonly Connection[],
  status: number,
  downloads: readonly SignedRequest[],
  sizeBytes: number,
): Promise<number> {
  const answers = await Promise.all(
    downloads.map((download, index) => connections[index]?.expect(status, download, () => undefined)),
  );
  const sum = answers.reduce((total, answer) => total + (answer?.sizeBytes ?? 0), 0);
  if (sum !== sizeBytes) {
    throw new Error(`${sum} bytes came instead of ${sizeBytes}`);
  }
  return sum;
}

/** A fast answer of wrong bytes would be worth nothing. */
async function assertSame({ server, source }: Stage, download: SignedRequest): Promise<void> {
  const linear = createHash("sha256");
  await withConnections(server.port, 1, ([connection]) =>
    connection.expect(200, download, (bytes) => linear.update(bytes)),
  );
  if (linear.digest("hex") !== source.sha256) {
    throw new Error("The output is not what was uploaded");
  }
}
