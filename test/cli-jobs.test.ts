import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot, Shell, ShellHere } from "./support/command.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, region, type ServerProcess, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// Jobs of the command, as AWS has them: hours long, paid for each time, and with an inventory that is a day old.

const content = contentOf(7, 100_000);
const vault = "photos";
const inState = "state/moraine/jobs";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let proxy: WatchingProxy;
let shell: Shell;
let here: ShellHere;
let archiveId: string;
before(async () => {
  folder = await temporaryFolder();
  const flags = ["--clock", "manual", "--profile", "aws"];
  server = await startServer({ dataFolder: join(folder.path, "data"), flags });
  http = new GlacierHttp(server.url);
  proxy = await WatchingProxy.start(server.url);
  const environment = {
    AWS_ENDPOINT_URL_GLACIER: proxy.url,
    AWS_REGION: region,
    XDG_STATE_HOME: join(folder.path, "state"),
  };
  shell = new Shell(folder.path, environment);
  here = new ShellHere(folder.path);
  Object.assign(process.env, environment, asRoot);
  await http.createVault(vault);
  archiveId = await http.uploadArchive(vault, content, "");
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const advance = (hours: number) => http.admin("POST", "/clock", { Seconds: hours * 3600 });
/** Four hours later all jobs have ended. */
async function jobsDone(): Promise<void> {
  await advance(4);
  for (let left = true; left; await sleep(10)) {
    const query = { statuscode: "InProgress" };
    const { body } = await http.demand({ method: "GET", path: `/-/vaults/${vault}/jobs`, query });
    left = JSON.parse(body.toString()).JobList.length > 0;
  }
}
/** Requests of that kind since `from`. */
const count = (method: string, pathEnd: string, from: number) =>
  proxy.passed.slice(from).filter((each) => each.method === method && each.path.endsWith(pathEnd)).length;
const names = async () => (await readdir(folder.path)).filter((name) => name.startsWith("file"));
const jobFiles = () => readdir(join(folder.path, inState)).catch(() => []);

test("--new-job starts one job until its output is there, and the advice runs without it", async () => {
  const from = proxy.passed.length;
  const line = ["retrieve", vault, archiveId, "-o", "file one", "--wait", "0"];
  const advice = `moraine: To resume with the job that was started, run: moraine retrieve ${vault} ${archiveId} -o 'file one' --wait 0\n`;
  for (const _ of [1, 2]) {
    const { code, stderr } = await here.run([...line, "--new-job"]);
    assert.equal(code, 75);
    assert.ok(stderr.endsWith(advice), stderr);
  }
  assert.equal((await here.run(line)).code, 75);
  await jobsDone();
  await here.done([...line, "--new-job"]);
  assert.equal(count("POST", "/jobs", from), 1);
  assert.equal(count("GET", "/jobs", from), 0, "the list of jobs is not needed");
  assert.deepEqual(await names(), ["file one"]);
  assert.ok((await readFile(join(folder.path, "file one"))).equals(content));
});

test("--new-job to standard output starts one job as well", async () => {
  const from = proxy.passed.length;
  const line = ["retrieve", vault, archiveId, "-o", "-", "--new-job", "--wait", "0", "--quiet"];
  for (const _ of [1, 2]) {
    await here.refused(line, 75, /still in progress/);
  }
  assert.equal((await jobFiles()).length, 1);
  await jobsDone();
  assert.equal((await here.run(line)).code, 0);
  assert.equal(count("POST", "/jobs", from), 1);
  assert.deepEqual(await jobFiles(), []);
});

test("a finished file is complete while a job has the tree hash, later by --tree-hash, and no job is started", async () => {
  const from = proxy.passed.length;
  const line = ["retrieve", vault, archiveId, "-o", "file one"];
  const complete = /^state +already complete, verified by the tree hash of the entire output$/m;
  assert.match(await here.done(line), complete);
  await advance(25);
  await here.refused(line, 1, /exists, and no job shows the archive's tree hash to compare it with/);
  assert.match(await here.done([...line, "--tree-hash", treeHashOf(content)]), complete);
  assert.match(
    await here.done([...line, "--skip-existing"]),
    /^state +skipped, since the file exists; the archive's size is not known$/m,
  );
  const events = await here.done([...line, "--tree-hash", treeHashOf(content), "--json"]);
  assert.equal(JSON.parse(events.trimEnd().split("\n").at(-1) ?? "").alreadyComplete, true);
  assert.equal(count("POST", "/jobs", from), 0);
});

test("Ctrl-C while a job is waited for does not name a partial file that does not exist", async () => {
  const child = shell.start(["retrieve", vault, archiveId, "-o", "file two"]);
  const ended = endingOf(child);
  let seen = "";
  child.stderr?.on("data", (text: string) => {
    seen += text;
    if (!child.killed && /job \S+ was started/.test(seen)) {
      child.kill("SIGINT");
    }
  });
  const { code, signal, stderr } = await within(20_000, ended, "Ctrl-C does not end it");
  assert.deepEqual([code, signal], [null, "SIGINT"]);
  assert.match(stderr, /interrupted by SIGINT\nmoraine: Run the same command again to resume\.\n$/);
  assert.deepEqual(await names(), ["file one", "file two.partial.job"]);
});

test("the list of an old inventory tells its date and the vault's own count on standard error", async () => {
  const from = proxy.passed.length;
  await advance(24);
  const line = ["inventory", vault, "--wait", "0"];
  await here.refused([...line, "--quiet"], 75, /still in progress/);
  await jobsDone();
  const first = await here.run([...line, "--quiet"]);
  assert.equal(first.stdout, `${archiveId}\n`);
  assert.match(
    first.stderr,
    /^moraine: warning: This list is as of 20\S+Z; uploads and deletions since then are not in it\. It has 1 archive; the vault had at its inventory of \S+Z 1\. For a newer list, add --new-job\n$/,
  );
  await http.uploadArchive(vault, Buffer.from("a second archive"), "");
  // The next daily inventory is taken, and the job of the first one is not yet gone.
  await advance(20);
  const outputs = [
    [...line],
    [...line, "--json"],
    [...line, "--format", "csv"],
    [...line, "-o", "file three"],
    [...line, "-o", "file four", "--format", "csv", "--quiet"],
  ];
  for (const output of outputs) {
    const { code, stderr } = await here.run(output);
    const isCsv = output.includes("csv");
    if (!isCsv) {
      assert.equal(code, 0, stderr);
      assert.match(stderr, /This list is as of \S+Z; .* It has 1 archive; the vault had at its inventory of \S+Z 2\./);
    }
  }
  assert.equal(count("POST", "/jobs", from), 2, "one for each format");
});

test("--new-job and --reuse-job cannot be used together", async () => {
  await here.refused(["inventory", vault, "--new-job", "--reuse-job"], 2, /cannot be used together/);
});

test("a Moraine server's inventory is fresh, and of an existing job when asked for", async () => {
  await using fresh = await startServer({ dataFolder: join(folder.path, "fresh") });
  const direct = new GlacierHttp(fresh.url);
  try {
    const before = await jobFiles();
    await direct.createVault(vault);
    const ids = [await direct.uploadArchive(vault, content, "")];
    const line = ["inventory", vault, "--quiet", "--endpoint", fresh.url];
    assert.equal(await here.done(line), `${ids[0]}\n`);
    ids.push(await direct.uploadArchive(vault, Buffer.from("another"), ""));
    assert.deepEqual(new Set((await here.done(line)).trimEnd().split("\n")), new Set(ids));
    ids.push(await direct.uploadArchive(vault, Buffer.from("a third"), ""));
    const { code, stdout, stderr } = await here.run([...line, "--reuse-job"]);
    assert.deepEqual([code, stdout.trimEnd().split("\n").length], [0, 2]);
    assert.match(stderr, /^moraine: warning: This list is as of .* It has 2 archives; the vault now has 3\./);
    await here.done([...line, "-o", "file five"]);
    assert.equal(JSON.parse(await readFile(join(folder.path, "file five"), "utf8")).ArchiveList.length, 3);
    assert.deepEqual(await jobFiles(), before);
  } finally {
    direct.close();
  }
});
