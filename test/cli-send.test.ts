import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { link, mkdir, open, readFile, realpath, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeName } from "../packages/cli/src/names/decode-name.ts";
import { contentOf, sha256Of, treeHashOf } from "./support/content.ts";
import { endingOf } from "./support/server-process.ts";
import { startWatchedService, type WatchedService } from "./support/watched-service.ts";

// Many files sent by the command to a real server, with faults and kills.

let service: WatchedService;
let { folder, http, proxy, shell, here } = {} as WatchedService;
before(async () => {
  service = await startWatchedService();
  ({ folder, http, proxy, shell, here } = service);
});
after(() => service[Symbol.asyncDispose]());

/** Writes files of a folder, and makes a vault of the folder's name. */
async function prepare(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  await http.createVault(name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder.path, name, path, ".."), { recursive: true });
    await writeFile(join(folder.path, name, path), content);
  }
}

/** The archives of a vault, by their decoded paths, in their order. */
async function stored(vault: string) {
  const archives = (await http.inventory(vault)).map(({ ArchiveId, ArchiveDescription, Size, SHA256TreeHash }) => ({
    path: decodeName(ArchiveDescription).path,
    archiveId: ArchiveId,
    size: Size,
    treeHash: SHA256TreeHash,
  }));
  return archives.toSorted((one, other) => (one.path < other.path ? -1 : 1));
}
const pathsOf = async (vault: string) => (await stored(vault)).map(({ path }) => path);

/** Runs with `--json`; returns the events by their kinds. */
async function events(args: readonly string[], code = 0) {
  const ending = await here.run([...args, "--json"]);
  assert.equal(ending.code, code, ending.stderr);
  const all = ending.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const files = all.filter(({ event }) => event === "file");
  return { files, done: all.at(-1), stderr: ending.stderr, states: Object.groupBy(files, ({ state }) => state) };
}

const manifestOf = async (name: string) =>
  (await readFile(join(folder.path, name), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const uploads = (from = 0) =>
  proxy.passed.slice(from).filter(({ method, path }) => method === "POST" && path.endsWith("/archives"));

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + 20_000; !(await condition()); await sleep(5)) {
    assert.ok(performance.now() < end, what);
  }
}

test("a folder is sent with its paths, times and permissions, and a second run sends only what has changed", async () => {
  const large = contentOf(5, 17 * 1024 ** 2);
  await prepare("folder", { "a.txt": "one", "sub/ä\n b.txt": "two", "sub/large": large });
  await utimes(join(folder.path, "folder/a.txt"), new Date(), new Date("2019-05-01T10:00:59.123Z"));
  const text = await here.done(["send", "folder", "folder", "--manifest", "m.jsonl"]);
  assert.match(text, /^sent {2}3 files, 17\.0 MiB \(17825798 bytes\)\n$/);
  const found = await stored("folder");
  assert.deepEqual(
    found.map(({ path }) => path),
    ["a.txt", "sub/large", "sub/ä\n b.txt"],
  );
  const description = (await http.inventory("folder")).find(({ Size }) => Size === 3)?.ArchiveDescription;
  assert.match(String(description), /^\{"path":"[^"]+","mtime":"20\d\d-[^"]+Z","mode":"06[46]4"\}$/);
  const lines = await manifestOf("m.jsonl");
  const bySize = (one: { path: string }, other: { path: string }) => (one.path < other.path ? -1 : 1);
  const sorted = lines.toSorted(bySize);
  assert.deepEqual(
    sorted.map(({ path, archiveId, treeHash }) => ({ path, archiveId, treeHash })),
    found.map(({ path, archiveId, treeHash }) => ({ path, archiveId, treeHash })),
  );
  assert.deepEqual([sorted[0].sha256, sorted[0].mtime], [sha256Of(Buffer.from("one")), "2019-05-01T10:00:59.123Z"]);
  assert.equal(sorted[1].sha256, null, "parts are not hashed in order");

  await writeFile(join(folder.path, "folder/a.txt"), "ONE");
  await writeFile(join(folder.path, "folder/new"), "new");
  const again = await events(["send", "folder", "folder"]);
  assert.deepEqual([again.done.sent, again.done.known.files], [{ files: 2, bytes: 6 }, 2]);
  assert.deepEqual(await pathsOf("folder"), ["a.txt", "a.txt", "new", "sub/large", "sub/ä\n b.txt"]);
});

test("a file that goes back to earlier content is sent again, since the newest archive is what a restore brings back", async () => {
  for (const content of ["AAAA", "BBBB", "AAAA"]) {
    await prepare("back", { "a.txt": content });
    await here.done(["send", "back", "back"]);
  }
  assert.deepEqual(await pathsOf("back"), ["a.txt", "a.txt", "a.txt"]);
  const again = await events(["send", "back", "back"]);
  assert.deepEqual([again.done.sent.files, again.done.known.files], [0, 1]);
  await here.done(["fetch", "back", "a.txt", "-o", "back-fetched"]);
  assert.equal(await readFile(join(folder.path, "back-fetched/a.txt"), "utf8"), "AAAA");
});

test("a quick run compares sizes and times alone", async () => {
  await prepare("quick", { "a.txt": "one", b: "two" });
  const mtime = new Date("2019-05-01T10:00:59.123Z");
  await utimes(join(folder.path, "quick/a.txt"), mtime, mtime);
  await here.done(["send", "quick", "quick"]);
  await writeFile(join(folder.path, "quick/a.txt"), "ONE");
  await utimes(join(folder.path, "quick/a.txt"), mtime, mtime);
  await utimes(join(folder.path, "quick/b"), mtime, new Date(5000));
  const quick = await events(["send", "quick", "quick", "--quick"]);
  assert.deepEqual(quick.files.map(({ state, path }) => [state, path]).toSorted(), [
    ["known", "a.txt"],
    ["known", "b"],
  ]);
  const exact = await events(["send", "quick", "quick"]);
  assert.deepEqual(
    exact.states["sent"]?.map(({ path }) => path),
    ["a.txt"],
  );
});

test("files are selected by globs, sizes, times and lists", async () => {
  const list = (text: string) => writeFile(join(folder.path, "list"), text);
  await prepare("selected", { "a.jpg": "1", "a.tmp": "2", "cache/b.jpg": "3", "d/c.jpg": "4444", "d/old.jpg": "5" });
  await utimes(join(folder.path, "selected/d/old.jpg"), new Date(0), new Date("2001-02-03"));
  const would = async (...args: readonly string[]) => {
    const { done } = await events(["send", ...args, "selected", "--dry-run"]);
    return [done.send.files, done.send.bytes];
  };
  const before = proxy.passed.length;
  assert.deepEqual(await would("selected", "--match", "*.jpg", "--exclude", "cache"), [3, 6]);
  assert.deepEqual(await would("selected", "--match", "d/**", "--min-size", "2"), [1, 4]);
  assert.deepEqual(await would("selected", "--max-size", "2", "--modified-from", "2001-02-04"), [3, 3]);
  assert.deepEqual(await would("selected", "--modified-before", "2001-02-04"), [1, 1]);
  await list("selected/a.jpg\nselected/d/c.jpg\n");
  assert.deepEqual(await would("--files-from", "list"), [2, 5]);
  await list("selected/a.jpg\0selected/d/c.jpg\0");
  assert.deepEqual(await would("--files-from", "list"), [2, 5]);
  assert.equal(proxy.passed.length, before, "a dry run makes no request");
  await here.done(["send", "--files-from", "-", "--base", "selected", "selected"], { input: "selected/d/c.jpg" });
  assert.deepEqual(await pathsOf("selected"), ["d/c.jpg"]);
  const outside = await events(["send", "selected/a.jpg", "list", "selected", "--base", "selected"], 1);
  assert.match(outside.states["failed"]?.[0].message, /^it is not in the folder .*selected.*--base$/);
  assert.deepEqual(await pathsOf("selected"), ["a.jpg", "d/c.jpg"]);
});

test("a glob that matches nothing is a warning, and an error if none matches anything", async () => {
  await prepare("globs", { "a.jpg": "a", "node_modules/b.jpg": "b", "c/node_modules": "a file" });
  const some = await here.run(["send", "globs", "globs", "--match", "*.jpg", "--match", "*.png", "--dry-run"]);
  assert.deepEqual([some.code, some.stderr], [0, "moraine: warning: no file matches *.png\n"]);
  await here.refused(["send", "globs", "globs", "--match", "*.png"], 2, /No file matches \*\.png/);
  await here.refused(["send", "globs", "globs", "--match", "*.png", "--dry-run"], 2, /No file matches \*\.png/);
  await here.done(["send", "globs", "globs", "--exclude", "node_modules/"]);
  assert.deepEqual(await pathsOf("globs"), ["a.jpg", "c/node_modules"]);
});

test("a file that is named itself has to be sent, and a dry run ends as the run would", async () => {
  await prepare("itself", { good: "good", empty: "" });
  const line = ["send", "itself/good", "itself/empty", "itself"];
  const dry = await events([...line, "--dry-run"], 1);
  assert.match(dry.states["failed"]?.[0].message, /^an empty file/);
  assert.match(dry.stderr, /1 file failed: see above\. Nothing was sent/);
  const real = await events(line, 1);
  assert.match(real.states["failed"]?.[0].message, /^an empty file/);
  assert.deepEqual(await pathsOf("itself"), ["itself/good"]);
});

test("links, devices, empty files and unreadable files are reported, and the others are sent", async () => {
  await prepare("odd", { good: "good", empty: "", gone: "gone" });
  await symlink("good", join(folder.path, "odd/link"));
  await writeFile(Buffer.concat([Buffer.from(join(folder.path, "odd/bad")), Buffer.from([0xff])]), "x");
  const ending = await here.run(["send", "odd", "missing-file", "odd", "--base", "."]);
  assert.equal(ending.code, 1);
  assert.match(ending.stdout, /^sent +2 files, 8 bytes\nleft out +2 files\nfailed +2 files\n$/);
  assert.match(ending.stderr, /left out odd\/link: a symbolic link, which is not followed$/m);
  assert.match(ending.stderr, /left out odd\/empty: an empty file/m);
  assert.match(ending.stderr, /failed: odd\/bad.*: its name is not UTF-8: rename it$/m);
  assert.match(ending.stderr, /failed: missing-file: ENOENT/m);
  assert.match(ending.stderr, /^moraine: 2 files failed: see above\. Run the same command again to send them\n$/m);
  assert.deepEqual(await pathsOf("odd"), ["odd/gone", "odd/good"]);
});

test("a file whose name has nothing but spaces is refused, and the message says so", async () => {
  await prepare("spaces", { "  ": "spaces", "a b": "a b" });
  const { states } = await events(["send", "spaces", "spaces"], 1);
  assert.equal(states["failed"]?.[0].message, "its name has nothing but spaces: rename it");
  assert.deepEqual(await pathsOf("spaces"), ["a b"]);
});

test("a file that changes while it is read is not stored, and does not stop the others", async () => {
  await prepare("changing", { "1": contentOf(1, 3_000_000), "2": contentOf(2, 3_000_000), "3": "three" });
  let isChanged = false;
  proxy.change = ({ method, path }) => {
    if (!isChanged && method === "POST" && path.endsWith("/archives")) {
      isChanged = true;
      utimes(join(folder.path, "changing/1"), new Date(1), new Date(1));
      utimes(join(folder.path, "changing/2"), new Date(1), new Date(1));
    }
    return undefined;
  };
  const run = await events(["send", "changing", "changing", "--bwlimit", "8MiB", "--concurrency", "2"], 1);
  proxy.change = () => undefined;
  assert.ok((run.states["failed"]?.length ?? 0) >= 1, JSON.stringify(run.files));
  assert.match(run.states["failed"]?.[0].message, /changed while it was (uploaded|read)/);
  const again = await events(["send", "changing", "changing"]);
  assert.equal(again.done.sent.files, run.done.failed);
  assert.deepEqual(await pathsOf("changing"), ["1", "2", "3"]);
});

test("a request without a response is repeated under its id, also by the next run, and stored once", async () => {
  await prepare("lost", { a: contentOf(3, 100_000), b: "b" });
  const lost = new Set<string>();
  proxy.change = ({ method, path }) =>
    method === "POST" && path.endsWith("/archives") && lost.size === 0 && lost.add(path)
      ? { swallowed: true }
      : undefined;
  assert.equal((await here.run(["send", "lost", "lost"])).code, 0);
  assert.deepEqual(await pathsOf("lost"), ["a", "b"]);

  await writeFile(join(folder.path, "lost/c"), "c");
  proxy.change = ({ method, path }) =>
    method === "POST" && path.endsWith("/archives") ? { swallowed: true } : undefined;
  const [from, child] = [proxy.passed.length, shell.start(["send", "lost", "lost"])];
  await until(async () => (await pathsOf("lost")).length === 3, "nothing is stored");
  child.kill("SIGKILL");
  await endingOf(child);
  assert.ok(uploads(from).length > 0);
  proxy.change = () => undefined;
  const again = await events(["send", "lost", "lost"]);
  assert.deepEqual(
    again.states["sent"]?.map(({ path }) => path),
    ["c"],
  );
  assert.deepEqual(await pathsOf("lost"), ["a", "b", "c"]);
});

test("a run that is killed several times resumes: each file is stored once, and the manifest is complete", async () => {
  const small = Array.from({ length: 70 }, (_, at) => [`small/${at}`, contentOf(at, 1000 + at * 97)] as const);
  const large = contentOf(9, 24 * 1024 ** 2);
  await prepare("killed", { ...Object.fromEntries(small), "large/file": large });
  const line = ["send", "killed", "killed", "--manifest", "killed.jsonl", "--concurrency", "6"];
  let kills = 0;
  for (const wanted of [10, 25, 40, 55]) {
    const child = shell.start([...line, "--bwlimit", "12MiB"]);
    const ended = endingOf(child);
    const isFar = async () => (await pathsOf("killed")).length >= wanted || child.exitCode !== null;
    await until(isFar, "nothing is sent");
    kills += child.kill("SIGKILL") ? 1 : 0;
    await ended;
  }
  assert.ok(kills >= 3, "it ended before it was killed");
  const last = await events(line);
  assert.equal(last.done.sent.files + last.done.known.files, 71);
  const found = await stored("killed");
  assert.equal(found.length, 71);
  assert.deepEqual(new Set(found.map(({ path }) => path)).size, 71);
  assert.equal(found.find(({ path }) => path === "large/file")?.treeHash, treeHashOf(large));
  const listed = new Set((await manifestOf("killed.jsonl")).map(({ archiveId }) => archiveId));
  assert.deepEqual(listed, new Set(found.map(({ archiveId }) => archiveId)));
  const next = await events(line);
  assert.deepEqual([next.done.sent.files, next.done.known.files], [0, 71]);
});

test("a manifest that cannot be written ends the run, and the next one writes the lines that are missing", async (t) => {
  await prepare("unlisted", Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`f${at}`, `content ${at}`])));
  await using file = await open(join(folder.path, "unlisted/f0"));
  const appending = t.mock.method(Object.getPrototypeOf(file) as typeof file, "appendFile");
  appending.mock.mockImplementation(async () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  });
  const line = ["send", "unlisted", "unlisted", "--manifest", "unlisted.jsonl"];
  const ending = await here.run(line);
  appending.mock.restore();
  assert.equal(ending.code, 1);
  assert.equal(ending.stdout, "");
  assert.match(ending.stderr, /^moraine: cannot write the manifest .*unlisted\.jsonl: ENOSPC/m);
  assert.doesNotMatch(ending.stderr, /failed:/);
  const { done } = await events(line);
  assert.equal(done.sent.files + done.known.files, 12);
  const listed = new Set((await manifestOf("unlisted.jsonl")).map(({ archiveId }) => archiveId));
  assert.deepEqual(listed, new Set((await stored("unlisted")).map(({ archiveId }) => archiveId)));
});

test("this program's state and the manifest are never sent, whatever names lead to them", async () => {
  await prepare("own", { a: "a", "state/other": "other", "own.jsonl": "" });
  await symlink("own/state", join(folder.path, "own-state"));
  await symlink("own/own.jsonl", join(folder.path, "own-manifest"));
  const environment = { ...process.env, XDG_STATE_HOME: join(folder.path, "own-state") };
  const line = ["send", "own", "own", "--manifest", "own-manifest"];
  for (const _ of [1, 2]) {
    const { code, stderr } = await here.run(line, { environment });
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /^moraine: left out state\/moraine: it is of moraine itself, and changes while files are sent$/m,
    );
    assert.deepEqual(await pathsOf("own"), ["a", "state/other"]);
  }
  const named = await here.run(["send", "own/state/moraine/catalogs", "own", "--base", "own"], { environment });
  assert.match(named.stderr, /left out|failed/);
  assert.deepEqual(await pathsOf("own"), ["a", "state/other"]);
  const audit = await here.run(["audit", "own", "own"], { environment });
  assert.match(audit.stdout, /^not in the vault: own\.jsonl$/m);
  assert.doesNotMatch(audit.stdout, /state/);
});

test("a file that only shares device and inode with the manifest is sent, and a linked state folder is one sender's", async () => {
  await prepare("rounded", { a: "a" });
  await mkdir(join(folder.path, "rounded-state"));
  await symlink("rounded-state", join(folder.path, "rounded-link"));
  const environment = { ...process.env, XDG_STATE_HOME: join(folder.path, "rounded-link") };
  const send = async (...flags: readonly string[]) => {
    const line = ["send", "rounded", "rounded", "--manifest", "rounded.jsonl", ...flags];
    const { code, stderr } = await here.run(line, { environment });
    assert.equal(code, 0, stderr);
  };
  await send();
  // Inodes of more than 53 bits are rounded to equal numbers; a second name of a file has an equal one.
  await link(join(folder.path, "rounded.jsonl"), join(folder.path, "rounded", "b"));
  const { stdout } = await here.run(["catalog", "import", "rounded", "--start"], { environment });
  const [catalog = ""] = /\S+\.sqlite/.exec(stdout) ?? [];
  await send("--catalog", await realpath(catalog));
  assert.deepEqual(new Set(await pathsOf("rounded")), new Set(["a", "b"]));
});

test("two runs to the same vault are not possible, not even with two catalogues", async () => {
  await prepare("twice", { large: contentOf(8, 4_000_000) });
  const child = shell.start(["send", "twice", "twice", "--catalog", "one.sqlite", "--bwlimit", "1MiB"]);
  const ended = endingOf(child);
  await until(() => uploads().length > 0 || child.exitCode !== null, "nothing is sent");
  await until(async () => existsSync(join(folder.path, "one.sqlite.send.lock")), "no lock");
  await here.refused(
    ["send", "twice", "twice", "--catalog", "two.sqlite"],
    1,
    /^moraine: Process \d+ works on the same/,
  );
  assert.equal((await ended).code, 0);
  assert.deepEqual(await pathsOf("twice"), ["large"]);
});

test("wrong usage is refused before anything is sent", async () => {
  await rm(join(folder.path, "nothing"), { force: true });
  await here.refused(["send", "photos"], 2, /^moraine: Nothing to send: name files or folders before the vault/);
  await here.refused(["send", "data", "no/vault"], 2, /Invalid vault name "no\/vault"/);
  await here.refused(["send", "list", "missing"], 3, /Vault not found/i);
  await writeFile(join(folder.path, "notes"), "my notes\n");
  await http.createVault("usage");
  await here.refused(["send", "list", "usage", "--manifest", "notes"], 2, /notes is not a manifest: name another file/);
  assert.equal(await readFile(join(folder.path, "notes"), "utf8"), "my notes\n");
  await here.refused(["send", "--files-from", "nothing", "usage"], 2, /cannot read nothing/);
});
