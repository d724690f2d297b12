import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { readArguments } from "../../packages/server/src/backup/arguments.ts";
import { readConfig } from "../../packages/server/src/config.ts";
import { rootKeyLines } from "../../packages/server/src/secrets/root-key-file.ts";
import { repositoryRoot, rootKey } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The units of deploy/systemd, judged by systemd's own systemd-analyze (Debian's package systemd).

const run = promisify(execFile);
const folder = join(repositoryRoot, "deploy/systemd");
/** The server talks to the network, and Node writes the code that it runs. */
const exposureMax: Readonly<Record<string, number>> = { "moraine-backup.service": 1.5, "moraine.service": 2 };

/** Copies of the units whose command exists on any machine. */
async function units() {
  const place = await temporaryFolder();
  const command = join(place.path, "moraine");
  await writeFile(command, "#!/bin/sh\n");
  await chmod(command, 0o755);
  await mkdir(join(place.path, "units"));
  const paths: string[] = [];
  for (const name of await readdir(folder)) {
    const path = join(place.path, "units", name);
    await writeFile(path, (await readFile(join(folder, name), "utf8")).replaceAll("=moraine ", `=${command} `));
    paths.push(path);
  }
  return { paths, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

test("systemd finds nothing wrong with the units, and the exposure of their services low", async () => {
  await using copies = await units();
  assert.equal(copies.paths.length, 3);
  const { stdout, stderr } = await run("systemd-analyze", ["verify", ...copies.paths]);
  assert.equal(stdout + stderr, "");
  for (const [name, most] of Object.entries(exposureMax)) {
    const [service = ""] = copies.paths.filter((path) => path.endsWith(`/${name}`));
    const { stdout: security } = await run("systemd-analyze", ["security", "--offline=true", "--no-pager", service]);
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(security)?.[1]);
    assert.ok(exposure <= most, security);
  }
});

test("the commands of the nightly backup have flags that exist", async () => {
  const text = await readFile(join(folder, "moraine-backup.service"), "utf8");
  const commands = [...text.matchAll(/^ExecStart=moraine backup (.+)$/gm)].map(([, words = ""]) => words.split(" "));
  assert.equal(commands.length, 2);
  for (const words of commands) {
    assert.notEqual(readArguments(words, {}), null);
  }
});

test("the command of the service has flags and variables that exist, and its credentials are those that it names", async () => {
  const text = await readFile(join(folder, "moraine.service"), "utf8");
  const words = /^ExecStart=moraine serve (.+)$/m.exec(text)?.[1]?.split(" ") ?? [];
  const named = [...text.matchAll(/(MORAINE_\w+_FILE)=%d\/(\S+)/g)];
  const given = [...text.matchAll(/^LoadCredential=(\S+):/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(named.map(([, , file]) => file)), new Set(given));
  await using place = await temporaryFolder();
  const key = join(place.path, "root-key");
  await writeFile(key, rootKeyLines(rootKey).join("\n"), { mode: 0o600 });
  const variables = named.map(([, name, file]) => [name, file === "root-key" ? key : join(place.path, file ?? "")]);
  const config = readConfig(words, Object.fromEntries(variables), place.path);
  assert.equal(config?.dataFolder, "/var/lib/moraine");
  assert.equal(config?.sealingKeyFile, join(place.path, "sealing-key"));
});
