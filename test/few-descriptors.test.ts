import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const vault = "photos";
/** Only the soft limit is changed, since not every root may raise the other one again. */
const usualDescriptors = 1024;

test("without free descriptors uploads and downloads are refused for a moment, and nothing is called damaged", async () => {
  await using folder = await temporaryFolder();
  const bytes = contentOf(1, 3_000_000);
  await using first = await startServer({ dataFolder: folder.path });
  const before = new GlacierHttp(first.url);
  await before.createVault(vault);
  const archiveId = await before.uploadArchive(vault, bytes, "");
  const jobId = await before.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await before.jobSucceeded(vault, jobId);
  before.close();
  await first.stop();
  // The next process has no file of the archive open.
  await using server = await startServer({ dataFolder: folder.path });
  const [uploads, downloads] = [new GlacierHttp(server.url), new GlacierHttp(server.url)];
  const upload = {
    ...({ method: "POST", path: `/-/vaults/${vault}/archives`, body: bytes } as const),
    headers: { "x-amz-sha256-tree-hash": treeHashOf(bytes) },
  };
  const download = { method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output` } as const;
  // Connections and the threads that hash take descriptors of their own.
  await downloads.describeJob(vault, jobId);
  assert.equal((await uploads.send(upload)).status, 201);

  await allow(server, 1);
  for (const answer of [await uploads.send(upload), await downloads.send(download)]) {
    assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "5"]);
  }
  await allow(server, usualDescriptors);
  assert.equal((await uploads.send(upload)).status, 201);
  assert.ok(bytes.equals(await downloads.jobOutput(vault, jobId)));
  uploads.close();
  downloads.close();
});

/** Lets the process open no file beyond `count` descriptors; what is open stays so. */
const allow = ({ pid }: ServerProcess, count: number) =>
  promisify(execFile)("prlimit", ["--pid", String(pid), `--nofile=${count}:`]);
