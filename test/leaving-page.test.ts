import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { codeOf } from "./support/code-of-page.ts";
import { asRoot, moraineCommand } from "./support/command.ts";
import { contentOfNumber, fillVault, pathOfNumber } from "./support/emptying-rig.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import {
  cleanEnvironment,
  endingOf,
  region,
  type ServerProcess,
  startServer,
  within,
} from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";

// The commands of docs/leaving.md, run from the page in their order, against a server with AWS's delays and a clock that the test moves.

const page = "docs/leaving.md";
const count = 30;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  const flags = ["--clock", "manual", "--profile", "aws"];
  server = await startServer({ dataFolder: join(folder.path, "data"), flags });
  http = new GlacierHttp(server.url);
  await mkdir(join(folder.path, "bin"));
  const words = moraineCommand.map((word) => `'${word}'`).join(" ");
  await writeFile(join(folder.path, "bin/moraine"), `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  await fillVault(http, "photos", count);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const advance = (hours: number) => http.admin("POST", "/clock", { Seconds: hours * 3600 });

async function run(code: string) {
  const shell = spawn("bash", ["-e", "-o", "pipefail", "-c", code], {
    cwd: folder.path,
    env: {
      ...cleanEnvironment(),
      ...asRoot,
      PATH: `${join(folder.path, "bin")}:${process.env["PATH"]}`,
      HOME: folder.path,
      XDG_STATE_HOME: folder.path,
      AWS_ENDPOINT_URL_GLACIER: server.url,
      AWS_REGION: region,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    return await within(60_000, endingOf(shell), code);
  } finally {
    shell.kill("SIGKILL");
  }
}

/** A block of the page: what happens before it, and how it ends. */
interface Step {
  readonly given?: () => Promise<unknown>;
  readonly code?: number;
  readonly shows: RegExp;
}

const steps: readonly Step[] = [
  {
    given: async () => {
      await advance(25);
      assert.equal((await run("moraine catalog import photos --start --wait 0")).code, 75);
      await advance(5);
    },
    shows: /^listed +30$/m,
  },
  { shows: /^archives +30$[\s\S]*^Bulk /m },
  { shows: /^$/ },
  { shows: /to fetch +30 archives[\s\S]*Nothing was requested or written\.$/m },
  { code: 75, shows: /30 jobs are in progress: run the same command again later/ },
  { shows: /^state +waiting$/m },
  { given: () => advance(13), shows: /^verified +30 archives/m },
  { shows: /^Signature Verified Successfully\nMANIFEST\.jsonl: OK\nSHA256SUMS: OK\n$/ },
  { shows: /^sound +30 copies[\s\S]*^signature +valid$/m },
  { shows: /^to delete +30 [\s\S]*^Nothing was deleted\.$/m },
  { code: 75, shows: /photos has no archives left; the service deletes it after its next inventory/ },
  { given: () => advance(30), shows: /^Deleted vault photos\.$/m },
];
const blocks = codeOf(page, "sh");

test(`${page}: each block of commands has a step`, () => {
  assert.equal(blocks.length, steps.length);
});

let failed = false;
for (const [index, { given, code = 0, shows }] of steps.entries()) {
  test(`${page}: block ${index + 1}`, async () => {
    assert.equal(failed, false, "each block needs those before it");
    failed = true;
    await given?.();
    const ending = await run(blocks[index] ?? "");
    assert.equal(ending.code, code, `${ending.stdout}${ending.stderr}`);
    assert.match(`${ending.stdout}${ending.stderr}`, shows);
    failed = false;
  });
}

test("the copies are those of the deleted vault", async () => {
  for (let number = 0; number < count; number += 1) {
    assert.deepEqual(await readFile(join(folder.path, "rescued", pathOfNumber(number))), contentOfNumber(number));
  }
});

test("says where the last rescue was, when another target's state is asked for", async () => {
  const { code, stderr } = await run("moraine rescue photos elsewhere --status");
  assert.equal(code, 2);
  assert.match(stderr, /^moraine: The last rescue of vault photos was to .*\/rescued, not to elsewhere\n$/);
});
