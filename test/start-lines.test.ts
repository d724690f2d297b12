import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { moraineCommand } from "./support/command.ts";
import { leftOver, runInShell } from "./support/left-over.ts";
import { endingOf, spawnServer, startServer, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of the lines that a start prints for a shell, and of what they say of the data folder.

/** The server makes the root's key itself. */
const environment = { MORAINE_ROOT_ACCESS_KEY_ID: undefined, MORAINE_ROOT_SECRET_ACCESS_KEY: undefined };

const command = moraineCommand.map((word) => `'${word}'`).join(" ");

test("the lines of a first start work in a shell where other variables of AWS are set", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: join(folder.path, "data"), environment });
  const { lines } = server;
  const { code, stdout, stderr } = await runInShell(folder.path, `${lines}\n${command} vault list --json\nenv`);
  assert.deepEqual([code, stderr], [0, ""], `${lines}\n${stdout}`);
  assert.doesNotMatch(stdout, /eu-central-1|expired|not-in-any-file|of-somebody-else|^AWS_USE_/m);
  await server.stop();
});

test("a later start, which shows no key, leaves the credentials of the shell as they are", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  const { stdout } = await runInShell(folder.path, `${server.lines}\nenv`);
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE"] as const) {
    assert.ok(stdout.includes(`\n${name}=${leftOver[name]}\n`), name);
  }
  assert.doesNotMatch(stdout, /eu-central-1|^MORAINE_ENDPOINT=|^AWS_USE_|^AWS_IGNORE_/m);
  await server.stop();
});

test("the lines lead past a proxy of the shell, and leave its other exceptions", async () => {
  await using folder = await temporaryFolder();
  const proxied = { http_proxy: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1", no_proxy: "intranet.example" };
  await using server = await startServer({
    dataFolder: join(folder.path, "data"),
    environment: { ...environment, ...proxied },
  });
  const { code, stdout, stderr } = await runInShell(
    folder.path,
    `set -u\n${server.lines}\n${command} vault list --json\nenv`,
    proxied,
  );
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^no_proxy=127\.0\.0\.1,intranet\.example$/m);
  assert.match(stdout, /^NO_PROXY=127\.0\.0\.1,intranet\.example$/m);
  await server.stop();
});

test("a start says where the data folder is, whether by default, and that it is inside a Git clone", async () => {
  await using folder = await temporaryFolder();
  const clone = join(folder.path, "a clone");
  await mkdir(join(clone, ".git"), { recursive: true });
  await mkdir(join(clone, "below"));
  const printed = async (cwd: string, flags: readonly string[]) => {
    const child = spawnServer(["--listen", "127.0.0.1:0", ...flags], { cwd, environment });
    child.stdout?.once("data", () => child.kill("SIGTERM"));
    return (await within(40_000, endingOf(child), "the server does not end")).stdout;
  };
  const inClone = new RegExp(
    `^# The data folder is inside the Git clone ${clone}: to remove the clone, .* deletes it`,
    "m",
  );
  const byDefault = await printed(join(clone, "below"), []);
  assert.ok(byDefault.includes(`, from ${join(clone, "below", "moraine-data")}\n`), byDefault);
  assert.match(byDefault, /^# This data folder is the default: choose another with --data DIR or MORAINE_DATA$/m);
  assert.match(byDefault, inClone);
  const given = await printed(folder.path, ["--data", join(clone, "other")]);
  assert.doesNotMatch(given, /the default/);
  assert.match(given, inClone);
  const outside = await printed(clone, ["--data", join(folder.path, "outside")]);
  assert.doesNotMatch(outside, /the default|Git clone/);
});
