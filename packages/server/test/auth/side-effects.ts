import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FilesystemBlobStore } from "../../src/storage/blobs/filesystem.ts";
import { createVault, finishedJob, initiateUpload, uploadArchive, vaultPath } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { policyFor } from "../support/policies.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/server.ts";

/** A server over a real folder, with everything in it that attacks can aim at. */
export interface Target {
  readonly server: TestServer;
  readonly uploadId: string;
  /** The fields of paths that lead to what is there. */
  readonly values: Readonly<Record<string, string>>;
  /** All that is stored: each row of each table, and each file by its path and content. */
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
  const database = join(folder, "metadata.db");
  const metadata = await openInlineStore(database);
  const server = await startTestServer({ ...options, blobs, metadata });
  const values = await furnish(server);
  return {
    server,
    uploadId: values.uploadId,
    values,
    snapshot: async () => ({ rows: rowsIn(database), files: await contentsIn(folder) }),
    async stop() {
      await server.stop();
      await metadata.close();
      await rm(folder, { recursive: true });
    },
  };
}

/** A vault with an archive, an upload, a job, and all that its owner can set. */
async function furnish(server: TestServer) {
  const vaultName = "photos";
  await createVault(server, vaultName);
  const archiveId = await uploadArchive(server, vaultName, Buffer.from("precious"), "precious");
  const uploadId = await initiateUpload(server, vaultName, 1024 ** 2);
  const jobId = await finishedJob(server, vaultName, { Type: "inventory-retrieval" });
  const set = async (method: string, path: string, body: object) => {
    const request = { method, path: `${vaultPath(vaultName)}/${path}`, body: JSON.stringify(body) };
    const answer = await server.client.send(request);
    assert.ok(answer.status < 300, answer.text);
    return answer;
  };
  await set("POST", "tags?operation=add", { Tags: { a: "kept", b: "kept" } });
  const topic = "arn:aws:sns:us-east-1:012345678901:topic";
  await set("PUT", "notification-configuration", { SNSTopic: topic, Events: ["ArchiveRetrievalCompleted"] });
  // About somebody whom no test knows.
  const Policy = policyFor(vaultName, { Principal: { AWS: "arn:aws:iam::888888888888:root" } });
  await set("PUT", "access-policy", { Policy });
  const lock = await set("POST", "lock-policy", { Policy });
  return { accountId: "-", vaultName, archiveId, uploadId, jobId, lockId: String(lock.headers["x-amz-lock-id"]) };
}

/** By table, but for the audit trail, which records every attempt. Of segments, those that were given up before they became visible are left out: they wait to be swept. */
function rowsIn(path: string): Record<string, unknown[]> {
  using database = new DatabaseSync(path, { readOnly: true });
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name not like 'audit_%' order by name")
    .all();
  return Object.fromEntries(
    tables.map(({ name }) => {
      const visible = name === "segments" ? "where state not in ('pending', 'dead')" : "";
      const rows = database.prepare(`select * from "${name}" ${visible}`).all();
      return [String(name), rows.map((row) => JSON.stringify(row)).sort()];
    }),
  );
}

/** A hash for each file; the database is compared by its rows. */
async function contentsIn(folder: string): Promise<Record<string, string>> {
  const files = (await filesIn(folder)).filter((file) => !file.startsWith("metadata.db"));
  const hashes = files.map(async (file) => [file, hash("sha256", await readFile(join(folder, file)))]);
  return Object.fromEntries(await Promise.all(hashes));
}

/** All files below a folder, by their paths from it. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
