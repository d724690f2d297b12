import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { contentOf } from "./support/content.ts";
import { endingOf, region } from "./support/server-process.ts";
import { startWatchedService, type WatchedService } from "./support/watched-service.ts";

// Files fetched from a real server by their paths: what `send` has sent, and what hostile descriptions name.

let service: WatchedService;
let { folder, http, proxy, shell, here } = {} as WatchedService;
before(async () => {
  service = await startWatchedService();
  ({ folder, http, proxy, shell, here } = service);
});
after(() => service[Symbol.asyncDispose]());

async function write(name: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder.path, name, path, ".."), { recursive: true });
    await writeFile(join(folder.path, name, path), content);
  }
}

async function filesOf(name: string): Promise<string[]> {
  const entries = await readdir(join(folder.path, name), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name: file }) => join(parentPath, file).slice(join(folder.path, name).length + 1))
    .toSorted();
}

async function events(args: readonly string[]) {
  const ending = await here.run([...args, "--json"]);
  assert.equal(ending.code, 0, ending.stderr);
  const all = ending.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return { files: all.filter(({ event }) => event === "file"), done: all.at(-1) };
}

const jobsStarted = (from: number) =>
  proxy.passed.slice(from).filter(({ method, path }) => method === "POST" && path.endsWith("/jobs")).length;

test("files that were sent are fetched with its paths, content, times and permissions, and only once", async () => {
  const large = contentOf(4, 40 * 1024 ** 2);
  await http.createVault("round");
  await write("round", { "a.txt": "one", "sub/ä b": "two", "sub/large": large, "sub/script.sh": "#!/bin/sh" });
  await chmod(join(folder.path, "round/sub/script.sh"), 0o750);
  await utimes(join(folder.path, "round/a.txt"), new Date(), new Date("2019-05-01T10:00:59.123Z"));
  await here.done(["send", "round", "round"]);
  const from = proxy.passed.length;
  assert.match(await here.done(["fetch", "round", "**", "-o", "out", "--dry-run"]), /^Would get 4 archives, 40\.0 MiB/);
  assert.equal(jobsStarted(from), 0);
  assert.match(await here.done(["fetch", "round", "**", "-o", "out"]), /^fetched {2}4 files, 40\.0 MiB/);
  assert.deepEqual(await filesOf("out"), await filesOf("round"));
  for (const name of await filesOf("round")) {
    const [sent, fetched] = [join(folder.path, "round", name), join(folder.path, "out", name)];
    assert.ok((await readFile(sent)).equals(await readFile(fetched)), name);
    const [before, now] = [await stat(sent), await stat(fetched)];
    assert.deepEqual([now.mode, now.mtime], [before.mode, before.mtime], name);
  }
  const bytes = proxy.outputBytes;
  const again = await events(["fetch", "round", "**", "-o", "out"]);
  assert.deepEqual([again.done.fetched.files, again.done.present.files], [0, 4]);
  assert.equal(proxy.outputBytes, bytes, "nothing is downloaded again");
  assert.equal(jobsStarted(from), 4);
  await rm(join(folder.path, "out/a.txt"));
  const missing = await events(["fetch", "round", "*.txt", "-o", "out"]);
  assert.deepEqual(
    missing.files.map(({ state, path }) => [state, path]),
    [["fetched", "a.txt"]],
  );
  assert.equal(jobsStarted(from), 4, "the job is used again");
});

test("names with a backslash and with a slash are two files, and each comes back with its own content", async () => {
  await http.createVault("backslash");
  await write("backslash", { "x\\y": "with a backslash", "x/y": "in a folder" });
  for (const format of ["json", "mt2"]) {
    await here.done(["send", "backslash", "backslash", "--description-format", format]);
    await here.done(["fetch", "backslash", "**", "-o", `backslash-${format}`]);
    const read = (name: string) => readFile(join(folder.path, `backslash-${format}`, name), "utf8");
    assert.deepEqual(await filesOf(`backslash-${format}`), ["x/y", "x_y"]);
    assert.deepEqual([await read("x/y"), await read("x_y")], ["in a folder", "with a backslash"]);
  }
});

test("the newest version of each path is fetched, and a file with other content is kept", async () => {
  await http.createVault("versions");
  for (const content of ["first", "second", "third"]) {
    await write("versions", { "a.txt": content, "b.txt": "b" });
    await here.done(["send", "versions", "versions"]);
  }
  await write("kept", { "a.txt": "mine" });
  const { files } = await events(["fetch", "versions", "*.txt", "-o", "kept"]);
  const names = await filesOf("kept");
  assert.equal(names.length, 3);
  assert.match(names[0] ?? "", /^a \(20\d\d-\d\d-\d\d \d{6}\)\.txt$/);
  assert.equal(await readFile(join(folder.path, "kept", names[0] ?? ""), "utf8"), "third");
  assert.equal(await readFile(join(folder.path, "kept/a.txt"), "utf8"), "mine");
  assert.deepEqual(files.map(({ path }) => path).toSorted(), [names[0], "b.txt"]);
});

test("a file that exists under another name of its archive is not fetched again", async () => {
  // The older of two that want one name has it; alone, the other one has it too.
  await http.createVault("twins");
  for (const file of ["README", "readme"]) {
    await write("twins", { [file]: file });
    await here.done(["send", "twins", "twins"]);
  }
  await here.done(["fetch", "twins", "readme", "-o", "twins-out"]);
  assert.deepEqual(await filesOf("twins-out"), ["readme"]);
  await here.done(["fetch", "twins", "**", "-o", "twins-out"]);
  assert.deepEqual(new Set(await filesOf("twins-out")), new Set(["README", "readme"]));
});

test("a folder that was emptied gets the files under their own names again", async () => {
  await http.createVault("emptied");
  await write("emptied", { "a.txt": "archived", "b.txt": "b" });
  await here.done(["send", "emptied", "emptied"]);
  await write("emptied-out", { "a.txt": "mine" });
  await here.done(["fetch", "emptied", "**", "-o", "emptied-out"]);
  const [dated = ""] = await filesOf("emptied-out");
  assert.match(dated, /^a \(20/);
  await rm(join(folder.path, "emptied-out"), { recursive: true });
  await here.done(["fetch", "emptied", "**", "-o", "emptied-out"]);
  assert.deepEqual(await filesOf("emptied-out"), ["a.txt", "b.txt"]);
  assert.equal((await here.run(["audit", "emptied", "emptied-out"])).code, 0);
});

/** Uploads archives with these paths, and imports the inventory of the vault. */
async function archived(vault: string, paths: readonly string[], invalid: readonly object[] = []): Promise<void> {
  await http.createVault(vault);
  for (const path of paths) {
    await http.uploadArchive(vault, Buffer.from(`content of ${path}`), path && JSON.stringify({ path, mode: "0644" }));
  }
  const inventory = {
    VaultARN: `arn:aws:glacier:${region}:123456789012:vaults/${vault}`,
    InventoryDate: new Date().toISOString(),
    ArchiveList: [...(await http.inventory(vault)), ...invalid],
  };
  await here.run(["catalog", "import", vault, "-"], { input: JSON.stringify(inventory) });
}

test("files with other names than their archives are counted, and an audit finds them", async () => {
  await archived("renamed", ["MANIFEST.jsonl", "con", "a?b", "a.txt", "A.TXT", "x\\y", "/absolute", ".moraine/x", ""]);
  const { files, done } = await events(["fetch", "renamed", "**", "-o", "renamed-out"]);
  assert.deepEqual([done.fetched.files, done.renamed, done.left], [9, 6, 0]);
  const names = Object.fromEntries(files.map(({ archivePath, path }) => [archivePath ?? path, path]));
  assert.deepEqual(
    [names["MANIFEST.jsonl"], names["con"], names["a?b"], names["x\\y"], names["/absolute"], names[".moraine/x"]],
    ["MANIFEST.jsonl", "_con", "a_b", "x_y", "absolute", "_.moraine/x"],
  );
  assert.match(names["A.TXT"], /^A \(20.*\)\.TXT$/);
  const { stdout } = await here.run(["fetch", "renamed", "**", "-o", "renamed-out"]);
  assert.match(stdout, /^renamed {2}6 files, which --json and --verbose name$/m);
  const audit = await here.run(["audit", "renamed", "renamed-out"]);
  assert.equal(audit.code, 0, audit.stdout);
  assert.match(audit.stdout, /^folder +9 files$/m);
});

test("archives that an import has left out make a fetch and an audit end with an error", async () => {
  await archived("left-out", ["a"], [{ ArchiveId: "broken" }]);
  const ending = await here.run(["fetch", "left-out", "**", "-o", "left-out"]);
  assert.equal(ending.code, 1, ending.stderr);
  assert.match(ending.stderr, /1 entries of the imported inventory were invalid and left out, so files may be missing/);
  assert.deepEqual(await filesOf("left-out"), ["a"]);
  const audit = await here.run(["audit", "left-out", "left-out"]);
  assert.equal(audit.code, 4, audit.stdout);
  assert.match(audit.stdout, /^left out by the import: 1 invalid entries: import another inventory$/m);
});

test("a fetch that does not fit on the disk is refused before a job is requested", async () => {
  const huge = { CreationDate: new Date().toISOString(), Size: 4e15, SHA256TreeHash: "ab".repeat(32) };
  await archived("huge", [], [{ ArchiveId: "A".repeat(138), ArchiveDescription: "huge", ...huge }]);
  const from = proxy.passed.length;
  await here.refused(
    ["fetch", "huge", "**", "-o", "huge"],
    1,
    /^moraine: No room in .*huge: \d+ bytes are free, and 4000000000000000 are to be fetched/,
  );
  assert.equal(jobsStarted(from), 0);
});

test("nothing is written outside the folder, whatever the descriptions name, and permissions have nine bits", async () => {
  await http.createVault("hostile");
  const paths = ["../outside", "/etc/outside", "a/../../outside", "link/inside", "C:\\outside", "..", "nul", "plain"];
  for (const path of paths) {
    await http.uploadArchive("hostile", Buffer.from(path), JSON.stringify({ path, mode: "4777" }));
  }
  await http.uploadArchive("hostile", Buffer.from("x"), '{"path":"program","mode":"0755"}');
  const inventory = {
    VaultARN: `arn:aws:glacier:${region}:123456789012:vaults/hostile`,
    InventoryDate: new Date().toISOString(),
    ArchiveList: await http.inventory("hostile"),
  };
  await here.done(["catalog", "import", "hostile", "-"], { input: JSON.stringify(inventory) });
  await mkdir(join(folder.path, "jail/in"), { recursive: true });
  await mkdir(join(folder.path, "jail/elsewhere"));
  await symlink("../elsewhere", join(folder.path, "jail/in/link"));
  const ending = await here.run(["fetch", "hostile", "**", "-o", "jail/in"]);
  assert.equal(ending.code, 1, "the link is not followed, and its file fails");
  assert.match(ending.stderr, /link\/inside/);
  const all = await filesOf("jail");
  assert.ok(
    all.every((name) => name.startsWith("in/")),
    all.join(" "),
  );
  assert.equal(all.length, 1 + paths.length, all.join(" "));
  assert.equal((await stat(join(folder.path, "jail/in/program"))).mode & 0o7777, 0o755);
  assert.equal((await stat(join(folder.path, "jail/in/plain"))).mode & 0o7000, 0);
});

test("a fetch that is killed several times resumes with the same jobs", async () => {
  await http.createVault("killed");
  await write("killed", Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${at}`, contentOf(at, 100_000)])));
  await here.done(["send", "killed", "killed"]);
  const from = proxy.passed.length;
  for (const wanted of [5, 20, 40]) {
    const child = shell.start(["fetch", "killed", "**", "-o", "resumed", "--bwlimit", "4MiB"]);
    const ended = endingOf(child);
    for (const end = performance.now() + 20_000; ; await sleep(10)) {
      const count = (await filesOf("resumed").catch(() => [])).filter((name) => !name.startsWith(".")).length;
      if (count >= wanted || child.exitCode !== null) {
        break;
      }
      assert.ok(performance.now() < end, "nothing is fetched");
    }
    child.kill("SIGKILL");
    await ended;
  }
  await here.done(["fetch", "killed", "**", "-o", "resumed"]);
  assert.deepEqual(await filesOf("resumed"), await filesOf("killed"));
  for (const name of await filesOf("killed")) {
    assert.ok(
      (await readFile(join(folder.path, "resumed", name))).equals(await readFile(join(folder.path, "killed", name))),
    );
  }
  assert.ok(jobsStarted(from) <= 63, `${jobsStarted(from)} jobs for 60 archives`);
});

test("wrong usage is refused before anything is requested", async () => {
  await here.refused(["fetch", "round", "**"], 2, /^moraine: Missing output: name a folder with -o FOLDER/);
  await here.refused(["fetch", "nothing", "**", "-o", "x"], 2, /There is no catalogue of vault nothing/);
  await here.refused(["fetch", "round", "*.nothing", "-o", "x"], 2, /No archive of the catalogue matches \*\.nothing/);
  const partly = await here.run(["fetch", "round", "a.txt", "*.nothing", "-o", "partly"]);
  assert.deepEqual([partly.code, await filesOf("partly")], [0, ["a.txt"]]);
  assert.match(partly.stderr, /^moraine: warning: no archive matches \*\.nothing$/m);
});
