import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { moraineCommand, Shell } from "./support/command.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { accountId, region, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Standard output that is full, or that nobody reads.

const vault = "outputs";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let shell: Shell;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  const environment = { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  shell = new Shell(folder.path, environment);
  http = new GlacierHttp(server.url);
  await http.createVault(vault);
  await writeFile(join(folder.path, "content"), "content");
  const denial = { Sid: "a", Effect: "Deny", Principal: { AWS: "*" }, Action: "glacier:DeleteArchive" };
  const resource = `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`;
  const policy = { Version: "2012-10-17", Statement: [{ ...denial, Resource: resource }] };
  await writeFile(join(folder.path, "lock.json"), JSON.stringify(policy));
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const inShell = (line: string) => shell.run(["-c", line, "sh", ...moraineCommand], { command: ["bash"] });
const isFull = "moraine: cannot write to standard output: ENOSPC[^\\n]*\\n";

test("an id that standard output does not take is on standard error", async () => {
  const uploaded = await inShell(`"$@" upload ${vault} content > /dev/full`);
  assert.equal(uploaded.code, 1);
  assert.match(uploaded.stderr, new RegExp(`^${isFull}moraine: The archive is stored\\. Its id is [\\w-]{138}\\n$`));
  const [stored] = await http.inventory(vault);
  assert.ok(stored && uploaded.stderr.includes(stored.ArchiveId));
  const quiet = await inShell(`"$@" upload ${vault} content --quiet > /dev/full`);
  assert.ok(quiet.stderr.includes(stored.ArchiveId), quiet.stderr);
  const started = await inShell(`"$@" job start ${vault} --inventory > /dev/full`);
  assert.match(started.stderr, new RegExp(`^${isFull}moraine: The job was started\\. Its id is [\\w-]{92}\\n$`));
  const locked = await inShell(`"$@" lock initiate ${vault} lock.json > /dev/full`);
  assert.match(locked.stderr, new RegExp(`^${isFull}moraine: The lock is on trial\\. Its id is [\\w-]+\\n$`));
});

test("a secret that standard output does not take is not on standard error, but how to get another", async () => {
  await shell.done(["admin", "users", "create", "bob"]);
  const { code, stderr } = await inShell('"$@" admin keys create --user bob > /dev/full');
  assert.equal(code, 1);
  assert.match(
    stderr,
    new RegExp(`^${isFull}moraine: Key (\\w+) was created, .* Run: moraine admin keys delete \\1 --user bob\\n$`),
  );
});

test("a list that standard output does not take is a failure that is named", async () => {
  const { code, stderr } = await inShell('"$@" vault list > /dev/full');
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^${isFull}$`));
});

test("a reader that has seen enough gets no message, and the exit code of a closed pipe", async () => {
  for (const line of ["vault list", `inventory ${vault} --quiet`]) {
    const { stdout, stderr } = await inShell(`{ "$@" ${line}; echo $? >&2; } | true; true`);
    assert.equal(stdout, "");
    assert.equal(stderr, "141\n");
  }
});

test("tree hashes of files that can be read are printed, and those that cannot are named", async () => {
  const { code, stdout, stderr } = await shell.run(["treehash", "content", "missing", "lock.json", "gone"]);
  assert.equal(code, 2);
  assert.match(stdout, /^\w{64} {2}content\n\w{64} {2}lock\.json\n$/);
  assert.match(stderr, /^moraine: cannot read missing: ENOENT.*; cannot read gone: ENOENT.*\n$/);
});
