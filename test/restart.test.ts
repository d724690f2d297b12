import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import {
  cleanEnvironment,
  endingOf,
  repositoryRoot,
  runServer,
  startServer,
  within,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// How the process starts and ends, and what it keeps.

const vault = "kept";

for (const end of ["SIGTERM", "SIGKILL"] as const) {
  test(`archives, uploads and jobs are there after ${end} and a new start, and jobs under way complete`, async () => {
    await using folder = await temporaryFolder();
    const bytes = contentOf(1, 3_000_000);
    await using first = await startServer({ dataFolder: folder.path, flags: ["--bulk-delay", "2"] });
    const before = new GlacierHttp(first.url);
    await before.createVault(vault);
    const archiveId = await before.uploadArchive(vault, bytes, "before");
    const done = await before.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
    await before.jobSucceeded(vault, done);
    const waiting = { Type: "archive-retrieval", ArchiveId: archiveId, Tier: "Bulk" };
    const underWay = await before.initiateJob(vault, waiting);
    assert.equal((await before.describeJob(vault, underWay)).StatusCode, "InProgress");
    before.close();
    if (end === "SIGTERM") {
      await first.stop();
    } else {
      await first.kill();
    }

    await using second = await startServer({ dataFolder: folder.path });
    const after = new GlacierHttp(second.url);
    const listed = await after.inventory(vault);
    assert.deepEqual(
      listed.map(({ ArchiveId, ArchiveDescription, Size }) => ({ ArchiveId, ArchiveDescription, Size })),
      [{ ArchiveId: archiveId, ArchiveDescription: "before", Size: bytes.length }],
    );
    assert.ok((await after.jobOutput(vault, done)).equals(bytes));
    await after.jobSucceeded(vault, underWay);
    assert.ok((await after.jobOutput(vault, underWay)).equals(bytes));
    after.close();
    await second.stop();
  });
}

test("jobs that were running when the server was killed are taken up by the next one at once", async () => {
  await using folder = await temporaryFolder();
  const jobIds: string[] = [];
  const bytes = contentOf(3, 64 * 1024 ** 2);
  {
    await using first = await startServer({ dataFolder: folder.path });
    const glacier = new GlacierHttp(first.url);
    await glacier.createVault(vault);
    const archiveId = await glacier.uploadArchive(vault, bytes, "takes a while to verify");
    for (let count = 0; count < 8; count += 1) {
      jobIds.push(await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId }));
    }
    glacier.close();
    await first.kill();
  }
  await using second = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(second.url);
  for (const jobId of jobIds) {
    await glacier.jobSucceeded(vault, jobId);
  }
  assert.ok((await glacier.jobOutput(vault, jobIds.at(-1) ?? "")).equals(bytes));
  glacier.close();
  await second.stop();
});

test("SIGTERM lets a download that runs come to its end, takes no new connection, and exits 0", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  // More than what the sockets' buffers swallow, so that the server is in the middle of it.
  const bytes = contentOf(2, 48 * 1024 ** 2);
  await glacier.createVault(vault);
  const archiveId = await glacier.uploadArchive(vault, bytes, "long");
  const jobId = await glacier.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await glacier.jobSucceeded(vault, jobId);
  const answer = await glacier.open({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}/output` });
  server.signal("SIGTERM");
  await sleep(300);
  await assert.rejects(new GlacierHttp(server.url).createVault("late"), /ECONNREFUSED/);
  const pieces: Buffer[] = [];
  for await (const piece of answer) {
    pieces.push(piece);
  }
  assert.ok(Buffer.concat(pieces).equals(bytes));
  // The client keeps its connection for another request; that must hold nothing up.
  assert.equal((await within(10_000, server.ended, "the server waits for more")).code, 0);
});

test("a second server on the same folder is refused with one line, and the first continues", async () => {
  await using folder = await temporaryFolder();
  await using first = await startServer({ dataFolder: folder.path });
  const { code, stdout, stderr } = await runServer(["--data", folder.path, "--listen", "127.0.0.1:0"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^moraine: .+ is in use by another process$/m);
  const glacier = new GlacierHttp(first.url);
  await glacier.createVault("still-there");
  glacier.close();
  await first.stop();
});

test("a port that is taken is refused with one line and exit code 1, and the folder is free again", async () => {
  await using folder = await temporaryFolder();
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  assert.ok(address !== null && typeof address === "object");
  const { code, stderr } = await runServer(["--data", folder.path, "--listen", `127.0.0.1:${address.port}`]);
  taken.close();
  assert.equal(code, 1);
  assert.match(stderr, /^moraine: listen EADDRINUSE: address already in use 127\.0\.0\.1:\d+$/m);
  await using server = await startServer({ dataFolder: folder.path });
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
});

test("a flag that is not understood ends it with exit code 2, a line that says why, and one that says where help is", async () => {
  for (const [args, reason] of [
    [["--no-such-flag"], /^moraine: .*--no-such-flag.*\nTry --help\.\n$/],
    [["--listen", "nonsense"], /^moraine: .*must be HOST:PORT.*\nTry --help\.\n$/],
    [["--profile", "fast"], /^moraine: .*profile.*\nTry --help\.\n$/],
    [["--listen", "0.0.0.0:0"], /^moraine: --listen: 0\.0\.0\.0 is not loopback.*\nTry --help\.\n$/],
  ] as const) {
    const { code, stdout, stderr } = await runServer(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, reason);
  }
});

test("--version prints the version alone and exits 0", async () => {
  const { version } = JSON.parse(await readFile(join(repositoryRoot, "package.json"), "utf8"));
  const { code, stdout, stderr } = await runServer(["--version"]);
  assert.deepEqual([code, stdout, stderr], [0, `${version}\n`, ""]);
});

test("--help names every flag on stdout and exits 0", async () => {
  const { code, stdout, stderr } = await runServer(["--help"]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
  for (const flag of [
    "--data",
    "--listen",
    "--region",
    "--account",
    "--profile",
    "--clock",
    "--log-level",
    "--config",
  ]) {
    assert.ok(stdout.includes(`  ${flag} `), flag);
  }
});

test("through npm, a relative path counts from the folder where the user stands, and a first start shows a key once", async () => {
  await using folder = await temporaryFolder();
  const here = join(folder.path, "here");
  await mkdir(here);
  const start = async () => {
    const args = ["--prefix", repositoryRoot, "start", "--", "--data", "./store", "--listen", "127.0.0.1:0"];
    const child = spawn("npm", args, { cwd: here, env: cleanEnvironment(), stdio: ["ignore", "pipe", "pipe"] });
    const ending = endingOf(child);
    let seen = "";
    const ready = new Promise<void>((resolve) =>
      child.stdout.on("data", (text: string) => {
        seen += text;
        if (/^export AWS_DEFAULT_REGION=us-east-1$/m.test(seen)) {
          resolve();
        }
      }),
    );
    try {
      await within(30_000, Promise.race([ready, ending]), "npm start does not serve");
      await sleep(100);
    } finally {
      child.kill("SIGTERM");
    }
    return (await within(40_000, ending, "npm start does not end")).stdout;
  };
  const first = await start();
  assert.match(first, /^export AWS_ENDPOINT_URL_GLACIER=http:\/\/127\.0\.0\.1:\d+$/m);
  const keyFile = join(here, "store", "root-key");
  assert.ok(first.includes(`\n. ${keyFile}\n`));
  assert.ok(existsSync(join(here, "store", "moraine.db")));
  assert.ok((await start()).includes(`\n. ${keyFile}\n`), "the lines of a second start can be pasted as they are, too");
  await rm(keyFile);
  assert.doesNotMatch(await start(), /root-key\n/);
});
