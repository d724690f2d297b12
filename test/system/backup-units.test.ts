import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { readArguments } from "../../packages/server/src/backup/arguments.ts";
import { repositoryRoot } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The units of deploy/systemd, judged by systemd's own systemd-analyze (Debian's package systemd).

const run = promisify(execFile);
const folder = join(repositoryRoot, "deploy/systemd");
const exposureMax = 1.5;

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

test("systemd finds nothing wrong with the units of the nightly backup, and their exposure low", async () => {
  await using copies = await units();
  assert.equal(copies.paths.length, 2);
  const { stdout, stderr } = await run("systemd-analyze", ["verify", ...copies.paths]);
  assert.equal(stdout + stderr, "");
  const [service = ""] = copies.paths.filter((path) => path.endsWith(".service"));
  const { stdout: security } = await run("systemd-analyze", ["security", "--offline=true", "--no-pager", service]);
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(security)?.[1]);
  assert.ok(exposure <= exposureMax, security);
});

test("the commands of the nightly backup have flags that exist", async () => {
  const text = await readFile(join(folder, "moraine-backup.service"), "utf8");
  const commands = [...text.matchAll(/^ExecStart=moraine backup (.+)$/gm)].map(([, words = ""]) => words.split(" "));
  assert.equal(commands.length, 2);
  for (const words of commands) {
    assert.notEqual(readArguments(words, {}), null);
  }
});
