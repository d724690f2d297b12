import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { createVault, initiateUpload, uploadArchive, vaultPath } from "../support/glacier.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";

/** A server over a real folder, with a vault, an archive and an open upload in it for attacks to aim at. */
export interface Target {
  readonly server: TestServer;
  readonly uploadId: string;
  /** What the API tells of everything there is, and the files that hold it. */
  snapshot(): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startTarget(options: TestServerOptions = {}): Promise<Target> {
  const folder = await mkdtemp(join(tmpdir(), "moraine-target-"));
  // Deep enough for a path that climbs out of the data to show in the listing.
  const data = join(folder, "a", "b", "c", "data");
  await mkdir(data, { recursive: true });
  const blobs = new FilesystemBlobStore(data);
  await blobs.prepare();
  const server = await startTestServer({ ...options, blobs });
  await createVault(server, "photos");
  await uploadArchive(server, "photos", Buffer.from("precious"), "precious");
  const uploadId = await initiateUpload(server, "photos", 1024 ** 2);
  const get = async (path: string) => {
    const answer = await server.client.send({ method: "GET", path });
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  return {
    server,
    uploadId,
    snapshot: async () => ({
      vaults: await get("/-/vaults"),
      jobs: await get(`${vaultPath("photos")}/jobs`),
      uploads: await get(`${vaultPath("photos")}/multipart-uploads`),
      parts: await get(`${vaultPath("photos")}/multipart-uploads/${uploadId}`),
      files: await filesIn(folder),
    }),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** All files below a folder, by their paths from it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
