import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { chmod, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Shell } from "./support/command.ts";
import {
  cleanEnvironment,
  endingOf,
  region,
  repositoryRoot,
  rootKey,
  runServer,
  startServer,
  within,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of the root's key: where it is read from, where a made one is shown, and how a lost one is found.

/** The server makes the key itself, unless a file or a test gives one. */
const environment = { MORAINE_ROOT_ACCESS_KEY_ID: undefined, MORAINE_ROOT_SECRET_ACCESS_KEY: undefined };

/** `export NAME=VALUE` lines as variables. */
const exported = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name = "", value = ""]) => [name, value]));

test("on a terminal a first start shows the key itself, and writes it nowhere", async () => {
  await using folder = await temporaryFolder();
  const command = `npm --silent start -- --data ${folder.path} --listen 127.0.0.1:0`;
  const terminal = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], {
    cwd: repositoryRoot,
    env: cleanEnvironment(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ending = endingOf(terminal);
  const shown = /^export AWS_SECRET_ACCESS_KEY=\S{40}\r$/m;
  let seen = "";
  await within(
    30_000,
    new Promise<void>((resolve) => {
      terminal.stdout.on("data", (text) => {
        seen += String(text);
        if (shown.test(seen)) {
          resolve();
        }
      });
    }),
    "no key is shown",
  );
  // Ctrl-C, as its user would.
  terminal.stdin.write("\x03");
  await within(20_000, ending, "it does not end");
  assert.match(seen, /^# The root's access key\. It is shown only now: keep it\.\r$/m);
  assert.ok(!(await readdir(folder.path)).includes("root-key"));
});

test("a key is made into the file of --root-key-file, and read from there", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "it's the root's.key");
  const flags = ["--root-key-file", file];
  const secrets = new Set<string>();
  for (const [name, isMade] of [
    ["one", true],
    ["one", false],
    ["two", false],
  ] as const) {
    await using server = await startServer({ dataFolder: join(folder.path, name), flags, environment });
    const key = exported(await readFile(file, "utf8"));
    await new Shell(folder.path, { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region }).done(["vault", "list"], {
      environment: key,
    });
    secrets.add(key["AWS_SECRET_ACCESS_KEY"] ?? "");
    const { stdout } = await server.stop();
    assert.ok(!stdout.includes(key["AWS_SECRET_ACCESS_KEY"] ?? ""));
    assert.equal(stdout.includes(`\n. '${folder.path}/it'\\''s the root'\\''s.key'\n`), isMade);
  }
  assert.equal((await stat(file)).mode & 0o7777, 0o600);
  assert.equal(secrets.size, 1);
});

test("each secret of the environment can be in a file instead", async () => {
  await using folder = await temporaryFolder();
  const [id, secret] = [join(folder.path, "id"), join(folder.path, "secret")];
  await writeFile(id, rootKey.accessKeyId, { mode: 0o600 });
  await writeFile(secret, `${rootKey.secretAccessKey}\n`, { mode: 0o600 });
  const files = { MORAINE_ROOT_ACCESS_KEY_ID_FILE: id, MORAINE_ROOT_SECRET_ACCESS_KEY_FILE: secret };
  const dataFolder = join(folder.path, "data");
  await using server = await startServer({ dataFolder, environment: { ...environment, ...files } });
  await new Shell(folder.path, { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region }).done(["vault", "list"]);
  await server.stop();
});

test("a root's key that is given twice, in part, or in an open file is refused", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "key");
  const base = ["--data", join(folder.path, "data"), "--listen", "127.0.0.1:0"];
  const lines = `AWS_ACCESS_KEY_ID=${rootKey.accessKeyId}\nAWS_SECRET_ACCESS_KEY=${rootKey.secretAccessKey}\n`;
  const given = { MORAINE_ROOT_ACCESS_KEY_ID: rootKey.accessKeyId };
  for (const [content, mode, variables, message] of [
    [lines, 0o600, given, /The root's key is given twice: in the environment, and in .*key$/m],
    [lines, 0o644, {}, /holds a secret, and other users may read or change it/],
    [lines.replace("SECRET", "SECRECY"), 0o600, {}, /must hold one key, as lines AWS_ACCESS_KEY_ID=… and/],
    [`${lines}${lines}`, 0o600, {}, /must hold one key/],
    ["", 0o600, {}, /must hold one key/],
    [lines, 0o600, { ...given, MORAINE_ROOT_ACCESS_KEY_ID_FILE: file }, /cannot be given together/],
    [lines, 0o600, { MORAINE_ROOT_SECRET_ACCESS_KEY_FILE: "/nowhere" }, /ENOENT.*\/nowhere/],
  ] as const) {
    await rm(file, { force: true });
    await writeFile(file, content);
    await chmod(file, mode);
    const flags = [...base, "--root-key-file", file];
    const { code, stdout, stderr } = await runServer(flags, { ...environment, ...variables });
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, message);
    assert.ok(!stderr.includes(rootKey.secretAccessKey));
  }
});

test("a diagnostic report of the server tells no secret of its environment", async () => {
  await using folder = await temporaryFolder();
  const NODE_OPTIONS = `--report-on-signal --report-signal=SIGWINCH --report-directory=${folder.path}`;
  await using server = await startServer({ dataFolder: join(folder.path, "data"), environment: { NODE_OPTIONS } });
  const written = () => readdirSync(folder.path).find((name) => name.startsWith("report."));
  server.signal("SIGWINCH");
  while (written() === undefined || statSync(join(folder.path, written() ?? "")).size === 0) {
    await fetch(`${server.url}/health/live`);
  }
  await server.stop();
  const report = await readFile(join(folder.path, written() ?? ""), "utf8");
  assert.match(report, /"MORAINE_LOG_LEVEL"/);
  assert.ok(!report.includes(rootKey.secretAccessKey));
});

for (const end of ["stop", "kill"] as const) {
  test(`a lost key is shown offline after a ${end}, and nothing in the folder changes`, async () => {
    await using folder = await temporaryFolder();
    const dataFolder = join(folder.path, "data");
    const shell = new Shell(folder.path, {});
    const recover = ["admin", "root-key", "--offline", "--data", dataFolder];
    await using server = await startServer({ dataFolder });
    await shell.refused(recover, 1, /^moraine: The server of \S+ is running: stop it first/);
    await server[end]();

    const before = await stateOf(dataFolder);
    assert.deepEqual(exported(await shell.done(recover)), {
      AWS_ACCESS_KEY_ID: rootKey.accessKeyId,
      AWS_SECRET_ACCESS_KEY: rootKey.secretAccessKey,
    });
    assert.deepEqual(await stateOf(dataFolder), before);

    const sealing = join(folder.path, "apart.key");
    await rename(join(dataFolder, "secrets.key"), sealing);
    await shell.refused(recover, 1, /ENOENT.*secrets\.key/);
    assert.match(await shell.done([...recover, "--sealing-key", sealing]), /^export AWS_SECRET_ACCESS_KEY=/m);
    await writeFile(join(dataFolder, "secrets.key"), randomBytes(32), { mode: 0o600 });
    await shell.refused(recover, 1, /Wrong sealing key: the database's secrets are sealed with another one/);
    await rename(sealing, join(dataFolder, "secrets.key"));

    await using again = await startServer({ dataFolder });
    assert.equal((await again.stop()).stderr, "");
  });
}

test("root-key says what it needs, and what is no data folder", async () => {
  await using folder = await temporaryFolder();
  const shell = new Shell(folder.path, {});
  await shell.refused(["admin", "root-key"], 2, /--offline/);
  await shell.refused(["admin", "root-key", "--offline", "--data", "none"], 1, /none is not a data folder/);
});

async function stateOf(folder: string): Promise<object> {
  const names = await readdir(folder);
  return Promise.all(
    names.map(async (name) => {
      const { size, mtimeMs, ino } = await stat(join(folder, name));
      return { name, size, mtimeMs, ino };
    }),
  );
}
