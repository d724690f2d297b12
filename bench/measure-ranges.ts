import { leafSizeBytes } from "@moraine/protocol";
import { compare, type Figure } from "./compare.ts";
import { rangesOf } from "./measure-download.ts";
import { askForSeconds, retrievedSource, type Stage, vault, withConnections } from "./stage.ts";

const clients = 32;
const roundSeconds = 1.5;
const rangesPerSecondMin = 2000;

/** GetJobOutput in ranges of 1 MiB, each with its checksum, for many clients. */
export async function measureRanges(stage: Stage): Promise<Figure[]> {
  const { server, requests, source } = stage;
  const jobId = await retrievedSource(stage);
  const ranges = rangesOf(source.bytes.length, source.bytes.length / leafSizeBytes);
  const downloads = ranges.map((range) => requests.getJobOutput(vault, jobId, range));
  let turn = 0;
  const figure = await withConnections(server.port, clients, (connections) =>
    compare({
      name: `ranges of 1 MiB, ${clients} clients`,
      unit: "requests",
      goal: rangesPerSecondMin,
      serverPid: server.pid,
      run: () =>
        askForSeconds(connections, roundSeconds, (connection) => {
          const download = downloads[turn % downloads.length] ?? [];
          turn += 1;
          return connection.expect(206, download, () => undefined);
        }),
    }),
  );
  return [figure];
}
