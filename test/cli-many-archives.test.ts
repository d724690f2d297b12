import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, startServer } from "./support/server-process.ts";
import { startWatchedService, type WatchedService } from "./support/watched-service.ts";

// Several archives deleted and retrieved by one command, against a real server.

let service: WatchedService;
let { folder, http, proxy, shell, here } = {} as WatchedService;
before(async () => {
  service = await startWatchedService();
  ({ folder, http, proxy, shell, here } = service);
});
after(() => service[Symbol.asyncDispose]());

/** Makes a vault with archives; returns their ids. */
async function prepare(vault: string, count: number): Promise<string[]> {
  await http.createVault(vault);
  return Promise.all(Array.from({ length: count }, (_, at) => http.uploadArchive(vault, contentOf(at, 1000 + at), "")));
}
const left = async (vault: string) => (await http.inventory(vault)).map(({ ArchiveId }) => ArchiveId);
const list = (name: string, ids: readonly string[]) => writeFile(join(folder.path, name), `${ids.join("\n")}\n`);

async function events(args: readonly string[], code = 0, input?: string) {
  const ending = await here.run([...args, "--json"], input === undefined ? {} : { input });
  assert.equal(ending.code, code, ending.stderr);
  const all = ending.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { files: all.filter(({ event }) => event === "file"), done: all.at(-1), stderr: ending.stderr };
}

const unknownId = "A".repeat(138);

test("many archives are deleted, each is reported, and one that does not exist is counted apart", async () => {
  const ids = await prepare("many", 30);
  await list("ids", [...ids.slice(0, 20), unknownId]);
  assert.match(
    await here.done(["archive", "delete", "many", "@ids", "--dry-run"]),
    /^Would delete 21 archives, of vault many\.\n$/,
  );
  const { files, done } = await events(["archive", "delete", "many", "@ids", ids[20] ?? ""]);
  assert.deepEqual([done.deleted, done.absent, done.failed], [21, 1, 0]);
  assert.deepEqual(new Set(files.map(({ archiveId }) => archiveId)), new Set([...ids.slice(0, 21), unknownId]));
  assert.equal(files.find(({ archiveId }) => archiveId === unknownId)?.state, "absent");
  assert.deepEqual(new Set(await left("many")), new Set(ids.slice(21)));
  const again = await events(["archive", "delete", "many", "@ids"]);
  assert.deepEqual([again.done.deleted, again.done.absent], [20, 1]);
  const piped = await events(["archive", "delete", "many", "-"], 0, `${ids[21]}\n\n  ${ids[22]}\n`);
  assert.equal(piped.done.deleted, 2);
  const plain = await here.run(["archive", "delete", "many", ids[23] ?? "", ids[24] ?? ""]);
  assert.match(plain.stderr, new RegExp(`^moraine: deleted ${ids[23]}$`, "m"));
  assert.equal(plain.stdout, "deleted  2\n");
});

test("a file or a pipe with one id means that archive, as before", async () => {
  const [first = "", second = "", third = ""] = await prepare("single", 3);
  await list("one", [first]);
  assert.equal(await here.done(["archive", "delete", "single", "@one"]), `Deleted archive ${first}.\n`);
  assert.equal(
    await here.done(["archive", "delete", "single", "-"], { input: second }),
    `Deleted archive ${second}.\n`,
  );
  assert.deepEqual(await left("single"), [third]);
  const absent = await here.done(["archive", "delete", "single", unknownId]);
  assert.equal(absent, `Archive ${unknownId} did not exist.\n`);
  await here.refused(["archive", "delete", "elsewhere", unknownId], 3, /Vault not found/i);
});

test("bad lists are refused before anything is deleted, and a vault that does not exist is no success", async () => {
  const ids = await prepare("bad", 2);
  await list("bad-ids", [...ids, "no id"]);
  await here.refused(["archive", "delete", "bad", "@bad-ids"], 2, /Invalid id "no id" in line 3 of bad-ids/);
  await list("none", [""]);
  await here.refused(["archive", "delete", "bad", "@none"], 2, /none has no id: expected one a line/);
  await here.refused(["archive", "delete", "bad", "@missing"], 2, /cannot read missing/);
  assert.equal((await left("bad")).length, 2);
  await list("two", ids);
  await here.refused(["archive", "delete", "elsewhere", "@two"], 3, /Vault not found/i);
});

test("archives that a policy denies are reported, and the others are deleted", async () => {
  const ids = await prepare("denied", 4);
  const [denied = ""] = ids;
  const refusal = { status: 403, code: "AccessDeniedException", message: "the lock denies it" };
  proxy.change = ({ method, path }) => (method === "DELETE" && path.endsWith(denied) ? { refusal } : undefined);
  await list("denied-ids", ids);
  const { files, done, stderr } = await events(["archive", "delete", "denied", "@denied-ids"], 1);
  proxy.change = () => undefined;
  assert.deepEqual([done.deleted, done.failed], [3, 1]);
  assert.match(files.find(({ state }) => state === "failed")?.message, /the lock denies it/);
  assert.match(stderr, /^moraine: 1 archive failed: see above\. Run the same command again to delete them\n$/m);
  assert.deepEqual(await left("denied"), [denied]);
});

test("deletions are paced, resumed after a kill, and known to the catalogue, so that a file is sent again", async () => {
  await http.createVault("paced");
  await mkdir(join(folder.path, "paced"));
  const names = Array.from({ length: 40 }, (_, at) => `f${at}`);
  await Promise.all(names.map((name) => writeFile(join(folder.path, "paced", name), name)));
  await here.done(["send", "paced", "paced"]);
  await list("paced-ids", await left("paced"));
  const line = ["archive", "delete", "paced", "@paced-ids"];
  const child = shell.start([...line, "--max-per-second", "10"]);
  const ended = endingOf(child);
  for (const end = performance.now() + 20_000; (await left("paced")).length > 30; await sleep(20)) {
    assert.ok(performance.now() < end, "nothing is deleted");
  }
  child.kill("SIGKILL");
  await ended;
  const remaining = (await left("paced")).length;
  assert.ok(remaining > 5, `${remaining} are left: it was not paced`);
  const { deleted, absent } = (await events(line)).done;
  assert.equal(deleted + absent, 40);
  assert.deepEqual(await left("paced"), []);
  const { done } = await events(["send", "paced", "paced"]);
  assert.deepEqual([done.sent.files, done.known.files], [40, 0]);
});

test("deletions are recorded in the catalogue that is named", async () => {
  await http.createVault("named");
  await mkdir(join(folder.path, "named"));
  await Promise.all(["a", "b", "c"].map((name) => writeFile(join(folder.path, "named", name), name)));
  await here.done(["send", "named", "named", "--catalog", "named.sqlite"]);
  const [one = "", ...others] = await left("named");
  const missing = ["archive", "delete", "named", one, "--catalog", "no.sqlite"];
  await here.refused(missing, 2, /There is no catalogue of vault named/);
  assert.equal((await left("named")).length, 3);
  await here.done(["archive", "delete", "named", one, "--catalog", "named.sqlite"]);
  await events(["archive", "delete", "named", ...others, "--catalog", "named.sqlite"]);
  const { done } = await events(["send", "named", "named", "--catalog", "named.sqlite"]);
  assert.deepEqual([done.sent.files, done.known.files], [3, 0]);
});

test("several archives are retrieved into a folder, after one look at the list of jobs", async () => {
  const ids = await prepare("several", 12);
  await list("several-ids", ids);
  const from = proxy.passed.length;
  const passed = (method: string, end: string) =>
    proxy.passed.slice(from).filter((request) => request.method === method && request.path.endsWith(end)).length;
  const { files, done } = await events(["retrieve", "several", "@several-ids", "-o", "restored/"]);
  assert.deepEqual([done.retrieved, done.failed, files.length], [12, 0, 12]);
  for (const [at, id] of ids.entries()) {
    assert.ok((await readFile(join(folder.path, "restored", id))).equals(contentOf(at, 1000 + at)));
  }
  assert.deepEqual(new Set(await readdir(join(folder.path, "restored"))), new Set(ids));
  assert.deepEqual([passed("GET", "/jobs"), passed("POST", "/jobs")], [1, 12]);
  const again = await events(["retrieve", "several", ...ids, "-o", "restored"]);
  assert.deepEqual([again.done.retrieved, again.done.alreadyComplete], [0, 12]);
  assert.deepEqual([passed("GET", "/jobs"), passed("POST", "/jobs")], [2, 12]);
});

test("no job is started for an archive whose file may be complete", async () => {
  const ids = await prepare("existing", 2);
  await mkdir(join(folder.path, "existing"));
  await Promise.all(ids.map((id, at) => writeFile(join(folder.path, "existing", id), contentOf(at, 1000 + at))));
  const from = proxy.passed.length;
  const { done } = await events(["retrieve", "existing", ...ids, "-o", "existing", "--skip-existing"]);
  assert.equal(done.alreadyComplete, 2);
  assert.deepEqual(
    proxy.passed.slice(from).filter(({ method }) => method === "POST"),
    [],
  );
});

test("an archive that cannot be retrieved does not stop the others, and jobs in progress are exit code 75", async () => {
  const ids = await prepare("partly", 3);
  const missing = await events(["retrieve", "partly", ...ids, unknownId, "-o", "partly/"], 1);
  assert.deepEqual([missing.done.retrieved, missing.done.failed], [3, 1]);
  const clock = ["--clock", "manual", "--profile", "aws"];
  await using slow = await startServer({ dataFolder: join(folder.path, "slow"), flags: clock });
  const other = new GlacierHttp(slow.url);
  await other.createVault("slow");
  const two = await Promise.all([1, 2].map((seed) => other.uploadArchive("slow", contentOf(seed, 500), "")));
  const run = await here.run(["retrieve", "slow", ...two, "-o", "slowly/", "--wait", "0", "--endpoint", slow.url]);
  other.close();
  assert.equal(run.code, 75, run.stderr);
  assert.match(run.stdout, /^waiting +2$/m);
});

test("options that are for one archive are refused for several", async () => {
  const ids = [unknownId, "B".repeat(138)];
  await here.refused(
    ["retrieve", "several", ...ids, "-o", "file"],
    2,
    /A folder is needed for 2 archives: name one with -o FOLDER\//,
  );
  await here.refused(["retrieve", "several", ...ids, "-o", "-"], 2, /A folder is needed for 2 archives/);
  await here.refused(
    ["retrieve", "several", ...ids, "--verify-only"],
    2,
    /--verify-only is for one archive, not for 2 archives/,
  );
  await here.refused(["retrieve", "several", ...ids, "-o", "x/", "--new-job"], 2, /--new-job is for one archive/);
  await here.refused(["retrieve", "several", "../x", "y", "-o", "x/"], 2, /Invalid id "\.\.\/x"/);
});
