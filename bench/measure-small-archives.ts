import { compare, type Figure } from "./compare.ts";
import { slicesOf } from "./source.ts";
import { askForSeconds, type Stage, vault, withConnections } from "./stage.ts";

const clients = 32;
const sizeBytes = 16 * 1024;
const roundSeconds = 1.5;

/** UploadArchive of 16 KiB; each is on the disk, synced, before it is answered. */
export async function measureSmallArchives({ server, requests, source }: Stage): Promise<Figure[]> {
  const uploads = slicesOf(source.bytes.subarray(0, clients * sizeBytes), clients).map((content) =>
    requests.uploadArchive(vault, content),
  );
  const figure = await withConnections(server.port, clients, (connections) =>
    compare({
      name: `archives of 16 KiB, durable, ${clients} clients`,
      unit: "requests",
      serverPid: server.pid,
      goal: 1000,
      run: () =>
        askForSeconds(connections, roundSeconds, (connection, index) => connection.expect(201, uploads[index] ?? [])),
    }),
  );
  return [figure];
}
