import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compare, type Figure } from "./compare.ts";
import { plainRequest } from "./requests.ts";
import { hashTwice, slicesOf } from "./source.ts";
import { type Stage, vault, withConnections } from "./stage.ts";

const uploadsAtOnce = 8;

/** UploadArchive of 256 MiB, in one request and in eight at once. */
export async function measureUpload({ server, requests, source, bare, folder }: Stage): Promise<Figure[]> {
  const { bytes } = source;
  const twoHashes = {
    name: "both hashes on one thread",
    async run() {
      hashTwice(bytes);
      return bytes.length;
    },
  };
  const file = join(folder, "upload");
  await writeFile(file, "");
  const bareHandler = {
    name: "bare handler, no sync",
    async run() {
      const put = plainRequest("PUT", "/upload", undefined, bytes);
      await withConnections(bare.port, 1, ([connection]) => connection.expect(201, put));
      return bytes.length;
    },
    // The pages go back to the system, which gives them to the next round.
    after: () => truncate(file, 0),
  };
  const whole = await withConnections(server.port, 1, ([connection]) =>
    compare({
      name: "upload of 256 MiB",
      unit: "bytes",
      serverPid: server.pid,
      async run() {
        await connection.expect(201, requests.uploadArchive(vault, source));
        return bytes.length;
      },
      references: [{ ...twoHashes, goal: 0.75 }, bareHandler],
    }),
  );
  const slices = slicesOf(bytes, uploadsAtOnce);
  const many = await withConnections(server.port, uploadsAtOnce, (connections) =>
    compare({
      name: "8 uploads of 32 MiB at once",
      unit: "bytes",
      serverPid: server.pid,
      async run() {
        const uploads = slices.map((slice) => requests.uploadArchive(vault, slice));
        await Promise.all(connections.map((connection, index) => connection.expect(201, uploads[index] ?? [])));
        return bytes.length;
      },
      references: [twoHashes],
    }),
  );
  return [whole, many];
}
