import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { access, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { asRoot, moraineCommand, Shell, ShellHere } from "./support/command.ts";
import { contentOf, treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, region, type ServerProcess, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// Transfers by the command, interrupted and reported in all ways, against a real server.

const mebibyte = 1024 ** 2;
const content = contentOf(77, 20 * mebibyte + 5);
const treeHash = treeHashOf(content);
const vault = "transfers";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let proxy: WatchingProxy;
/** Processes of their own, for what is killed or watched. */
let shell: Shell;
let here: ShellHere;
let archiveId: string;
let jobId: string;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  proxy = await WatchingProxy.start(server.url);
  const environment = { AWS_ENDPOINT_URL_GLACIER: proxy.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  shell = new Shell(folder.path, environment);
  here = new ShellHere(folder.path);
  Object.assign(process.env, environment, asRoot);
  await http.createVault(vault);
  await writeFile(join(folder.path, "content"), content);
  archiveId = await http.uploadArchive(vault, content, "");
  jobId = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: archiveId });
  await http.jobSucceeded(vault, jobId);
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const journals = async () =>
  (await readdir(join(folder.path, "moraine/uploads"))).filter((name) => name.endsWith(".journal"));
const archives = async (name: string) => (await http.inventory(name)).map(({ ArchiveId }) => ArchiveId);
const isThere = (name: string) =>
  access(join(folder.path, name)).then(
    () => true,
    () => false,
  );

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + 20_000; !(await condition()); await sleep(20)) {
    assert.ok(performance.now() < end, what);
  }
}

test("the same command resumes an upload that was killed", async () => {
  await http.createVault("killed");
  const line = ["upload", "killed", "content", "--part-size", "1MiB"];
  const child = shell.start([...line, "--bwlimit", "8MiB"]);
  const acknowledged = () => proxy.parts().filter(({ status }) => status === 204);
  await until(() => acknowledged().length > 5, "no parts are sent");
  child.kill("SIGKILL");
  await endingOf(child);
  const [before, passed] = [new Set(acknowledged().map(({ range }) => range)), proxy.passed.length];
  assert.equal((await journals()).length, 1);
  assert.match(await here.done([...line, "--dry-run"]), /in 21 parts of 1\.0 MiB, resuming the unfinished upload\.\n$/);
  const shown = await here.done(line);
  assert.match(
    shown,
    new RegExp(`^archive +[\\w-]{138}\\nsize +20\\.0 MiB \\(20971525 bytes\\)\\ntree hash +${treeHash}\\n`),
  );
  assert.match(shown, /^sent before +\d/m);
  assert.deepEqual(await archives("killed"), [/^archive +(\S+)/.exec(shown)?.[1]]);
  const again = proxy.parts(passed).filter(({ range }) => before.has(range));
  assert.deepEqual(again, [], "parts that were acknowledged");
  assert.deepEqual(await journals(), []);
});

test("the same command resumes a retrieval that was killed, with the same job", async () => {
  const line = ["retrieve", vault, archiveId, "-o", "retrieved"];
  const child = shell.start([...line, "--bwlimit", "16MiB", "--concurrency", "1"]);
  const recorded = async () => readFile(join(folder.path, "retrieved.partial.journal"), "utf8").catch(() => "");
  await until(async () => (await recorded()).includes('{"range":0'), "no range is recorded");
  const passed = proxy.passed.length;
  child.kill("SIGKILL");
  await endingOf(child);
  assert.equal(await isThere("retrieved"), false);
  assert.match(await here.done(line), /^verified +by the tree hash of the entire output\nfetched before +16\.0 MiB/m);
  assert.ok((await readFile(join(folder.path, "retrieved"))).equals(content));
  assert.ok(!proxy.ranges(passed).includes("0-16777215"), "a range that was recorded");
  assert.deepEqual(
    proxy.passed.filter(({ method, path }) => method === "POST" && path.endsWith("/jobs")),
    [],
  );
  assert.match(await here.done(line), /^state +already complete, verified by the tree hash of the entire output$/m);
  await writeFile(join(folder.path, "retrieved"), "other content");
  await here.refused(
    line,
    1,
    /retrieved already exists, and its content is not the archive's.*\nmoraine: Choose another name, or replace it with --force\.\n$/,
  );
  assert.match(await here.done([...line, "--force"]), /^verified/m);
  assert.deepEqual(
    (await readdir(folder.path)).filter((name) => name.startsWith("retrieved.")),
    [],
  );
});

test("the first Ctrl-C ends a download in order and prints how to resume it", async () => {
  const line = ["job", "output", vault, jobId, "-o", "stopped"];
  const child = shell.start([...line, "--bwlimit", "4MiB", "--json"]);
  const ended = endingOf(child);
  await until(() => isThere("stopped.partial"), "nothing is downloaded");
  child.kill("SIGINT");
  const { signal, stdout, stderr } = await within(15_000, ended, "Ctrl-C does not end it");
  assert.equal(signal, "SIGINT");
  assert.match(
    stderr,
    /^moraine: interrupted by SIGINT\nmoraine: Run the same command again to resume: .*stopped\.partial\.\n$/,
  );
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.deepEqual([last.event, last.error, last.exitCode], ["failed", "InterruptedError", 130]);
  await here.done([...line, "--quiet"]);
  assert.ok((await readFile(join(folder.path, "stopped"))).equals(content));
});

test("a second Ctrl-C ends at once what the first one cannot", async () => {
  // Without a journal an upload is aborted when it ends, and this server never answers that.
  proxy.change = ({ method }) => (method === "DELETE" ? { swallowed: true } : undefined);
  const child = shell.start(["upload", vault, "-", "--part-size", "1MiB"]);
  const ended = endingOf(child);
  const sent = proxy.parts().length;
  child.stdin?.on("error", () => undefined);
  child.stdin?.write(content);
  await until(() => proxy.parts().length > sent + 3, "no part is sent");
  child.kill("SIGINT");
  await until(() => proxy.passed.some(({ method }) => method === "DELETE"), "the upload is not aborted");
  assert.equal(child.exitCode, null);
  child.kill("SIGINT");
  assert.equal((await within(3000, ended, "a second Ctrl-C does not end it")).signal, "SIGINT");
  proxy.change = () => undefined;
});

test("a pipe whose upload is interrupted while it is completed is not said to have left nothing", async () => {
  let interrupt = () => child.kill("SIGINT");
  proxy.change = ({ method, path }) => {
    if (method !== "POST" || !/\/multipart-uploads\/./.test(path)) {
      return undefined;
    }
    interrupt();
    interrupt = () => true;
    return { swallowed: true };
  };
  const child = shell.start(["upload", vault, "-", "--part-size", "1MiB"]);
  child.stdin?.end(content);
  const { code, stderr } = await within(15_000, endingOf(child), "Ctrl-C does not end it");
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^moraine: Whether the service has completed upload \S+ is not known .*\nmoraine: .*upload list\.\n$/,
  );
  proxy.change = () => undefined;
});

for (const kind of ["standard input", "a named pipe"] as const) {
  test(`a refused part ends the command also while the producer behind ${kind} is silent`, async () => {
    const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
    proxy.change = ({ method, range }) => (method === "PUT" && range?.startsWith("0-") ? { refusal } : undefined);
    const pipe = join(folder.path, "pipe");
    const isNamed = kind === "a named pipe";
    if (isNamed) {
      await promisify(execFile)("mkfifo", [pipe]);
    }
    const child = shell.start(["upload", vault, isNamed ? pipe : "-", "--part-size", "1MiB"]);
    const ended = endingOf(child);
    const producer = isNamed ? createWriteStream(pipe) : child.stdin;
    producer?.on("error", () => undefined);
    // The third part never becomes whole: the command waits for it when it hears of the refusal.
    producer?.write(content.subarray(0, 2.5 * mebibyte));
    try {
      const { code } = await within(10_000, ended, "it waits for its producer");
      assert.equal(code, 5);
    } finally {
      proxy.change = () => undefined;
      child.kill("SIGKILL");
      producer?.destroy();
    }
  });
}

test("--json prints a line for each event, and the last one has the result", async () => {
  const { code, stdout, stderr } = await here.run(["upload", vault, "content", "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const done = events.pop();
  assert.deepEqual([done.event, done.sizeBytes, done.treeHash], ["done", content.length, treeHash]);
  assert.match(done.archiveId, /^[\w-]{138}$/);
  const last = events.pop();
  assert.deepEqual(
    [last.event, last.verifiedBytes, last.transferredBytes],
    ["progress", content.length, content.length],
  );
});

test("an archive is verified without a file, in ranges of the size that was asked for", async () => {
  const passed = proxy.passed.length;
  const shown = await here.done(["retrieve", vault, archiveId, "--verify-only", "--range-size", "4MiB"]);
  assert.match(
    shown,
    /^size +20\.0 MiB \(20971525 bytes\)\ntree hash +\w{64}\nverified +by the tree hash of the entire output\n$/,
  );
  assert.equal(proxy.ranges(passed).length, 6);
  const output = await here.done(["job", "output", vault, jobId, "--verify-only", "--json"]);
  assert.equal(JSON.parse(output.trimEnd().split("\n").at(-1) ?? "").treeHash, treeHash);
});

test("bytes that are wrong have code 4 and the range's name, and no file; a pipe gets what was right before", async () => {
  proxy.change = ({ path, range }) =>
    path.endsWith("/output") && range?.startsWith("16777216-") ? { flippedByte: 9 } : undefined;
  const line = ["job", "output", vault, jobId, "-o"];
  const { code, stdout, stderr } = await here.run([...line, "wrong", "--json"]);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /^moraine: Range 16777216-20971524 does not verify: its tree hash should be \w{64} and is \w{64}\./,
  );
  const events = stdout
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text));
  const failures = events.filter(({ event }) => event === "range-failed");
  assert.equal(failures.length, 5);
  assert.deepEqual(
    [failures[0].range, failures[0].error, events.at(-1).exitCode],
    ["16777216-20971524", "VerificationError", 4],
  );
  assert.equal(await isThere("wrong"), false);
  const child = shell.start([...line, "-"]);
  const pieces: Buffer[] = [];
  child.stdout?.on("data", (piece: Buffer) => pieces.push(piece));
  child.stderr?.resume();
  assert.deepEqual(await once(child, "close"), [4, null]);
  assert.ok(Buffer.concat(pieces).equals(content.subarray(0, 16 * mebibyte)));
  proxy.change = () => undefined;
});

test("an archive of a pipe comes out of a pipe as it went in", async () => {
  const id = (await here.done(["upload", vault, "-", "--quiet", "--part-size", "4MiB"], { input: content })).trim();
  await writeFile(join(folder.path, "id"), id);
  const output = join(folder.path, "piped");
  const pipe = ["-c", `"$@" | cat > ${output}`, "sh", ...moraineCommand, "retrieve", vault, "@id", "-o", "-"];
  assert.equal(await shell.done(pipe, { command: ["sh"] }), "");
  assert.ok((await readFile(output)).equals(content));
});

test("an id that could not be printed is printed by the next run, which uploads nothing", async () => {
  await http.createVault("once");
  await writeFile(join(folder.path, "once"), "printed once");
  const child = shell.start(["upload", "once", "once"]);
  child.stdout?.destroy();
  child.stderr?.resume();
  const [code] = await once(child, "close");
  assert.equal(code, 1);
  const id = (await here.done(["upload", "once", "once", "--quiet"])).trim();
  assert.deepEqual(await archives("once"), [id]);
  await here.done(["upload", "once", "once"]);
  assert.equal((await archives("once")).length, 2);
});

test("an upload of a file that has changed is refused, and starts over with --restart", async () => {
  const line = ["upload", vault, "changing", "--part-size", "1MiB"];
  await writeFile(join(folder.path, "changing"), content.subarray(0, 8 * mebibyte));
  const child = shell.start([...line, "--bwlimit", "1MiB"]);
  const sent = proxy.parts().length;
  await until(() => proxy.parts().length > sent, "no part is sent");
  await here.refused(line, 1, /^moraine: Process \d+ works on the same transfer; .*\nmoraine: Wait until that process/);
  const begun = await here.done(["upload", "list", vault, "--quiet"]);
  await here.refused([...line, "--restart"], 1, /^moraine: Process \d+ works on the same transfer/);
  assert.equal(await here.done(["upload", "list", vault, "--quiet"]), begun, "what is in progress is not aborted");
  child.kill("SIGKILL");
  await endingOf(child);
  await writeFile(join(folder.path, "changing"), content.subarray(0, 9 * mebibyte));
  await here.refused(line, 1, /is of another upload: its source differs.*\nmoraine: .*add --restart/);
  assert.notEqual(await here.done(["upload", "list", vault, "--quiet"]), "");
  assert.match(await here.done([...line, "--restart"]), /^size +9\.0 MiB/m);
  assert.equal(await here.done(["upload", "list", vault, "--quiet"]), "");
});

test("a terminal is shown how far it is, how fast, how long still and what is verified; a pipe nothing", async () => {
  const line = [...moraineCommand, "job", "output", vault, jobId, "-o", "shown", "--bwlimit", "10MiB"];
  const onTerminal = ["-qec", `stty cols 100; ${line.join(" ")}`, "/dev/null"];
  const shown = await shell.done(onTerminal, { command: ["script"] });
  const frames = shown.split("\x1b[1G").filter((frame) => frame.startsWith("shown"));
  assert.ok(frames.length > 3, shown);
  assert.match(
    frames.at(-2) ?? "",
    /^shown {2}[█░]{8,24} {2} *\d+ % {2}\d:\d\d left {2}\d+(\.\d)? MiB verified {2} *\d+\.\d MiB\/s {2}of 20\.0 MiB/,
  );
  assert.match(shown, /file +shown\r\nsize +20\.0 MiB/);
  await rm(join(folder.path, "shown"));
  assert.equal(await shell.done([...line.slice(moraineCommand.length), "--quiet"]), "");
  const inventory = [...moraineCommand, "inventory", vault].join(" ");
  const listed = await shell.done(["-qec", inventory, "/dev/null"], { command: ["script"] });
  assert.match(listed, /moraine: job \S+ was started\r\n/);
  assert.match(listed, /moraine: job \S+ has succeeded\r\n/);
  // Nothing is drawn any more when the table begins.
  assert.match(listed, /\nCREATED +BYTES +ARCHIVE +DESCRIPTION\r\n[^\r]+\r\n/);
  assert.doesNotMatch(listed.slice(listed.indexOf("CREATED")), new RegExp(`^${vault} `, "m"));
});
