import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { moraineCommand, Shell } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, region, type ServerProcess, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Signals, terminals that are closed, and streams that nobody reads any more.

const content = contentOf(17, 6 * 1024 ** 2);
const vault = "signals";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let shell: Shell;
let jobId: string;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  shell = new Shell(folder.path, {
    AWS_ENDPOINT_URL_GLACIER: server.url,
    AWS_REGION: region,
    XDG_STATE_HOME: folder.path,
  });
  const http = new GlacierHttp(server.url);
  await http.createVault(vault);
  const archiveId = await http.uploadArchive(vault, content, "");
  jobId = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await http.jobSucceeded(vault, jobId);
  http.close();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** A download that is slow enough to be interrupted. */
const downloadTo = (file: string, rate: string) => ["job", "output", vault, jobId, "-o", file, "--bwlimit", rate];

async function begins(file: string): Promise<void> {
  for (const end = performance.now() + 20_000; !(await beside(file)).includes(`${file}.partial`); await sleep(20)) {
    assert.ok(performance.now() < end, "nothing is downloaded");
  }
}

const beside = async (file: string) => (await readdir(folder.path)).filter((name) => name.startsWith(file)).sort();
const ending = (child: ChildProcess) => within(30_000, endingOf(child), "the command does not end");

test("a hangup without a terminal does not end a transfer, as after nohup", async () => {
  const child = shell.start(downloadTo("hangup", "6MiB"));
  const ended = ending(child);
  await begins("hangup");
  child.kill("SIGHUP");
  const { code, signal, stderr } = await ended;
  assert.deepEqual([code, signal], [0, null], stderr);
  assert.ok((await readFile(join(folder.path, "hangup"))).equals(content));
});

test("a terminal that is closed ends a transfer in order, though the signal comes twice", async () => {
  // The kernel sends the signal when the terminal goes, and so does the shell.
  const script = `
import os, pty, signal, sys, time
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
os.close(terminal)
try:
    os.kill(child, signal.SIGHUP)
except ProcessLookupError:
    pass
print(os.WTERMSIG(os.waitpid(child, 0)[1]))`;
  const line = [...moraineCommand, ...downloadTo("closed", "1MiB")];
  const args = ["-c", script, join(folder.path, "closed.partial"), ...line];
  assert.equal(await shell.done(args, { command: ["python3"] }), "1\n");
  // No lock is left: it was not killed.
  assert.deepEqual(await beside("closed"), ["closed.partial", "closed.partial.journal"]);
});

test("a transfer continues when nobody reads its standard error any more", async () => {
  const child = shell.start([...downloadTo("-", "100MiB"), "--json"]);
  child.stderr?.destroy();
  const pieces: Buffer[] = [];
  child.stdout?.on("data", (piece: Buffer) => pieces.push(piece));
  const [code] = await within(
    30_000,
    new Promise<unknown[]>((resolve) => child.on("close", (...all) => resolve(all))),
    "",
  );
  assert.equal(code, 0);
  assert.ok(Buffer.concat(pieces).equals(content));
});

for (const [name, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  test(`${name} ends a transfer in order, by the signal itself, which shells call ${code}`, async () => {
    const file = `ended-by-${code}`;
    const child = shell.start([...downloadTo(file, "1MiB"), "--json"]);
    const ended = ending(child);
    await begins(file);
    child.kill(name);
    const { code: none, signal, stdout, stderr } = await ended;
    // An exit code of its own would be a failure for systemd, and no end for a loop of bash.
    assert.deepEqual([none, signal], [null, name]);
    assert.match(stderr, new RegExp(`^moraine: interrupted by ${name}\nmoraine: Run the same command again`));
    assert.equal(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "").exitCode, code);
    assert.deepEqual(await beside(file), [`${file}.partial`, `${file}.partial.journal`]);
  });
}
