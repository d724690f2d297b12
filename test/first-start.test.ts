import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { endingOf, runServer, spawnServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of what a first start makes and shows, and of what it leaves when it fails.

/** The server makes the root's key itself. */
const environment = { MORAINE_ROOT_ACCESS_KEY_ID: undefined, MORAINE_ROOT_SECRET_ACCESS_KEY: undefined };

const keyForm = /^export AWS_ACCESS_KEY_ID=[A-Z0-9]{20}\nexport AWS_SECRET_ACCESS_KEY=\S{40}\n$/;

/** The file with the root's key that a start of this folder names; null when it names none. */
async function shownKey(dataFolder: string): Promise<string | null> {
  await using server = await startServer({ dataFolder, environment });
  const { stdout, stderr } = await server.stop();
  const file = /^\. (\S+)$/m.exec(stdout)?.[1];
  if (file === undefined) {
    return null;
  }
  const text = await readFile(file, "utf8");
  assert.match(text, keyForm);
  assert.equal((await stat(file)).mode & 0o7777, 0o600);
  const [secret = ""] = /\S{40}$/m.exec(text) ?? [];
  assert.ok(!`${stdout}${stderr}`.includes(secret), "a log would keep it");
  return file;
}

test("a first start whose port is taken makes nothing, and the next one shows the key, once", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { code, stderr } = await runServer(["--data", dataFolder, "--listen", `127.0.0.1:${port}`], environment);
  other.close();
  assert.equal(code, 1);
  assert.match(stderr, /^moraine: .*EADDRINUSE/);
  assert.ok(!existsSync(dataFolder));
  const keyFile = join(dataFolder, "root-key");
  assert.equal(await shownKey(dataFolder), keyFile);
  assert.equal(await shownKey(dataFolder), keyFile, "as long as nobody has kept it elsewhere");
  await rm(keyFile);
  assert.equal(await shownKey(dataFolder), null);
});

test("a first start with a webhooks file that cannot be read makes nothing", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const flags = ["--data", dataFolder, "--listen", "127.0.0.1:0", "--webhooks", join(folder.path, "missing.json")];
  const { code } = await runServer(flags, environment);
  assert.equal(code, 1);
  assert.ok(!existsSync(dataFolder));
});

test("a key that a first start made but could not announce is announced by the next one", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const child = spawnServer(["--data", dataFolder, "--listen", "127.0.0.1:0"], { environment });
  child.stdout?.destroy();
  const { code } = await endingOf(child);
  assert.equal(code, 1);
  const keyFile = join(dataFolder, "root-key");
  assert.equal(await shownKey(dataFolder), keyFile);
  assert.equal(await shownKey(dataFolder), keyFile, "as long as nobody has kept it elsewhere");
  await rm(keyFile);
  assert.equal(await shownKey(dataFolder), null);
});

test("a folder is served for the account and the region of its first start only", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const flags = ["--account", "111122223333", "--region", "eu-west-1"];
  await using first = await startServer({ dataFolder, flags });
  await first.stop();
  for (const wrong of [
    [],
    ["--account", "111122223333"],
    ["--region", "eu-west-1"],
    ["--account", "111122223334", "--region", "eu-west-1"],
  ]) {
    const { code, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0", ...wrong], environment);
    assert.equal(code, 1);
    assert.match(stderr, /^moraine: .* belongs to account 111122223333 in region eu-west-1, not to account \d{12} in /);
    assert.match(stderr, /start with --account 111122223333 --region eu-west-1, or choose another folder\n$/);
  }
  await using again = await startServer({ dataFolder, flags });
  await again.stop();
});

test("the name of a data folder brings no line of its own into what a shell reads", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "a\nexport EVIL=1 #");
  await using server = await startServer({ dataFolder });
  const { stdout } = await server.stop();
  assert.doesNotMatch(stdout, /^export EVIL/m);
});
