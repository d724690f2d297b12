import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { GlacierHttp } from "../support/glacier-http.ts";
import type { PipeReport } from "../support/pipe-child.ts";
import { cleanEnvironment, endingOf, repositoryRoot, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Bytes whose number nobody tells, from a pipe into an archive and from there into a pipe. Needs openssl.

const mebibyte = 1024 ** 2;
const sizeBytes = Number(process.env["TRANSFER_PIPE_MIB"] ?? 10 * 1024) * mebibyte + 12_345;
const peakBytesMax = 200 * mebibyte;
const vaultName = "piped";
const child = `"${process.execPath}" --conditions=@moraine/source "${fileURLToPath(import.meta.resolve("../support/pipe-child.ts"))}"`;
const zeros = "00".repeat(16);
const source = `head -c ${sizeBytes} /dev/zero | openssl enc -aes-128-ctr -nosalt -K ${zeros} -iv ${zeros}`;

test("a pipe of unknown length becomes an archive and a pipe again, with one tree hash, each client under 200 MiB", async (t) => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: join(folder.path, "data") });
  const http = new GlacierHttp(server.url);
  await http.createVault(vaultName);
  http.close();

  const [expected] = await run(`${source} | ${child} treehash`);
  const began = performance.now();
  const [sent] = await run(`${source} | ${child} upload ${server.url} ${vaultName}`);
  const uploaded = performance.now();
  const reports = await run(`${child} stream ${server.url} ${vaultName} ${sent?.archiveId} | ${child} treehash`);
  const retrieved = performance.now();
  const got = reports.find(({ treeHash }) => treeHash !== undefined);
  const streamed = reports.find(({ treeHash }) => treeHash === undefined);

  const line = (what: string, seconds: number, peakBytes = 0) =>
    `${what}: ${sizeBytes} bytes in ${seconds.toFixed(1)} s, ${(sizeBytes / seconds / 1e6).toFixed(0)} MB/s, peak ${(peakBytes / mebibyte).toFixed(0)} MiB`;
  t.diagnostic(line("upload", (uploaded - began) / 1000, sent?.peakBytes));
  t.diagnostic(line("retrieval", (retrieved - uploaded) / 1000, streamed?.peakBytes));
  assert.equal(sent?.sizeBytes, sizeBytes);
  assert.equal(sent?.treeHash, expected?.treeHash);
  assert.equal(got?.treeHash, expected?.treeHash);
  assert.ok((sent?.peakBytes ?? Infinity) < peakBytesMax);
  assert.ok((streamed?.peakBytes ?? Infinity) < peakBytesMax);
});

/** Runs commands in a pipe; gives what those that are ours reported. */
async function run(commands: string): Promise<PipeReport[]> {
  const shell = spawn("bash", ["-c", `set -o pipefail; ${commands}`], {
    cwd: repositoryRoot,
    env: { ...cleanEnvironment(), NODE_COMPILE_CACHE: "node_modules/.cache/moraine" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const { code, stderr } = await endingOf(shell);
  assert.equal(code, 0, stderr);
  return stderr
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text));
}
