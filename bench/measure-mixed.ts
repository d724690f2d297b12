import { leafSizeBytes } from "@moraine/protocol";
import { rangesOf } from "./measure-download.ts";
import { forgetPeak, peakBytes } from "./process-usage.ts";
import { slicesOf } from "./source.ts";
import { askForSeconds, retrievedSource, type Stage, vault, withConnections } from "./stage.ts";

/** The most memory that the server held while it did everything in turn. */
export interface Peak {
  readonly name: string;
  /** Null where the system does not tell. */
  readonly peakBytes: number | null;
  readonly peakBytesMax: number;
}

const clients = 32;
const atOnce = 8;
const rounds = 3;
const phaseSeconds = 1.5;
const smallSizeBytes = 16 * 1024;
const peakBytesMax = 256 * 1024 ** 2;

/** Each kind of load alone leaves memory behind that the next one does not use: so all of them in turn, several times. */
export async function measureMixed(stage: Stage): Promise<Peak[]> {
  const { server } = stage;
  const jobId = await retrievedSource(stage);
  forgetPeak(server.pid);
  for (let round = 0; round < rounds; round += 1) {
    await describeAndStore(stage);
    await readRanges(stage, jobId);
    await downloadAndUpload(stage, jobId);
  }
  return [{ name: "memory of mixed load, each kind in turn", peakBytes: peakBytes(server.pid), peakBytesMax }];
}

async function describeAndStore({ server, requests, source }: Stage): Promise<void> {
  const describe = requests.describeVault(vault);
  const uploads = slicesOf(source.bytes.subarray(0, clients * smallSizeBytes), clients).map((content) =>
    requests.uploadArchive(vault, content),
  );
  await withConnections(server.port, clients, async (connections) => {
    await askForSeconds(connections, phaseSeconds, (connection) => connection.expect(200, describe));
    await askForSeconds(connections, phaseSeconds, (connection, index) => connection.expect(201, uploads[index] ?? []));
  });
}

async function readRanges({ server, requests, source }: Stage, jobId: string): Promise<void> {
  const ranges = rangesOf(source.bytes.length, source.bytes.length / leafSizeBytes);
  const downloads = ranges.map((range) => requests.getJobOutput(vault, jobId, range));
  let turn = 0;
  await withConnections(server.port, clients, (connections) =>
    askForSeconds(connections, phaseSeconds, (connection) => {
      const download = downloads[turn % downloads.length] ?? [];
      turn += 1;
      return connection.expect(206, download, () => undefined);
    }),
  );
}

async function downloadAndUpload({ server, requests, source }: Stage, jobId: string): Promise<void> {
  const ranges = rangesOf(source.bytes.length, atOnce);
  const slices = slicesOf(source.bytes, atOnce);
  await withConnections(server.port, atOnce, async (connections) => {
    const downloads = ranges.map((range) => requests.getJobOutput(vault, jobId, range));
    await Promise.all(
      connections.map((connection, index) => connection.expect(206, downloads[index] ?? [], () => undefined)),
    );
    const uploads = slices.map((slice) => requests.uploadArchive(vault, slice));
    await Promise.all(connections.map((connection, index) => connection.expect(201, uploads[index] ?? [])));
    await connections[0].expect(201, requests.uploadArchive(vault, source));
  });
}
