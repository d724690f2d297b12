import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { codeOf } from "./support/code-of-page.ts";
import { moraineCommand } from "./support/command.ts";
import { cleanEnvironment, endingOf, within } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests the README's recipe for CI, line by line, but for the installation.

const [install = "", ...recipe] = codeOf("README.md", "sh")
  .filter((code) => code.includes("--ephemeral"))
  .join("")
  .split("\n");

/** Runs the recipe and then `tests`, as a step of CI does. */
async function step(tests: string, moraine = moraineCommand) {
  const folder = await temporaryFolder();
  const bin = join(folder.path, "node_modules/.bin");
  await mkdir(bin, { recursive: true });
  await mkdir(join(folder.path, "tmp"));
  await writeFile(join(bin, "moraine"), `#!/bin/sh\nexec ${moraine.map((word) => `'${word}'`).join(" ")} "$@"\n`);
  await chmod(join(bin, "moraine"), 0o755);
  const child = spawn("sh", ["-e", "-c", [...recipe, tests].join("\n")], {
    cwd: folder.path,
    env: { ...cleanEnvironment(), HOME: folder.path, TMPDIR: join(folder.path, "tmp") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ending = await within(60_000, endingOf(child), "the step does not end");
  const lines = readFileSync(join(folder.path, "moraine.env"), "utf8");
  return {
    ...ending,
    url: /^export AWS_ENDPOINT_URL_GLACIER=(\S+)$/m.exec(lines)?.[1],
    leftFiles: readdirSync(join(folder.path, "tmp")),
    exists: (name: string) => existsSync(join(folder.path, name)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test("the recipe serves on a free port, leads the tests there, and leaves no process and no data", async () => {
  assert.equal(install, "npm install --no-save @moraine/cli");
  await using done = await step(`
    PATH=$PWD/node_modules/.bin:$PATH
    moraine vault create photos
    moraine admin faults put throttle --operation DescribeVault --count 1
    moraine vault list --quiet
    moraine admin reset
    moraine vault list --quiet`);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /^photos$/m);
  assert.equal(done.stdout.match(/^photos$/gm)?.length, 1, "there is none after the reset");
  assert.deepEqual(done.leftFiles, []);
  assert.match(done.url ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
  await assert.rejects(fetch(`${done.url}/health/live`));
});

test("failed tests fail the step, and the server ends all the same", async () => {
  await using failed = await step("exit 7");
  assert.equal(failed.code, 7, failed.stderr);
  assert.deepEqual(failed.leftFiles, []);
  await assert.rejects(fetch(`${failed.url}/health/live`));
});

test("a server that does not start fails the step, and no test is run", async () => {
  await using failed = await step("touch tested", ["/bin/false"]);
  assert.equal(failed.code, 1, failed.stderr);
  assert.ok(!failed.exists("tested"));
});
