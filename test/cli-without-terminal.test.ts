import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, mock, test } from "node:test";
import { plainReport } from "../packages/cli/src/terminal/plain-report.ts";
import { ProgressLine } from "../packages/cli/src/terminal/progress-line.ts";
import { asRoot, Shell, ShellHere } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// The command as cron and services run it: nobody watches, and somebody reads the log afterwards.

const vault = "unwatched";
const content = contentOf(30, 3 * 1024 ** 2);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let proxy: WatchingProxy;
let apart: Shell;
let here: ShellHere;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  proxy = await WatchingProxy.start(server.url);
  const environment = { AWS_ENDPOINT_URL_GLACIER: proxy.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  apart = new Shell(folder.path, environment);
  here = new ShellHere(folder.path);
  Object.assign(process.env, environment, asRoot);
  const http = new GlacierHttp(server.url);
  await http.createVault(vault);
  http.close();
  await writeFile(join(folder.path, "content"), content);
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const upload = async () => (await here.done(["upload", vault, "content", "--quiet"])).trim();

test("job events are printed on standard error without a terminal, and not with --quiet", async () => {
  const id = await upload();
  const { code, stdout, stderr } = await apart.run(["retrieve", vault, id, "-o", "events"]);
  assert.equal(code, 0);
  assert.match(
    stderr,
    /^moraine: job [\w-]{92} was started\n(moraine: job [\w-]{92} is in progress\n)?moraine: job [\w-]{92} has succeeded\n$/,
  );
  assert.match(stdout, /^file +events\n/);
  assert.deepEqual(await apart.run(["retrieve", vault, id, "-o", "silent", "--quiet"]), {
    code: 0,
    signal: null,
    stdout: "",
    stderr: "",
  });
});

test("--log-file appends the command, what happens, the result and the failure, each with its time", async () => {
  const log = join(folder.path, "log");
  await writeFile(log, "kept\n");
  const shown = await here.done(["upload", vault, "content", "--log-file", "log"]);
  await here.refused(["vault", "describe", "no\x1bne", "--log-file", "log"], 3, /^moraine: Vault not found/);
  const time = "20\\d\\d-\\d\\d-\\d\\dT[\\d:.]+Z";
  const [id = ""] = /[\w-]{138}/.exec(shown) ?? [];
  const expected = [
    "kept",
    `${time} moraine upload ${vault} content --log-file log`,
    `${time} archive +${id}`,
    `${time} size .*`,
    `${time} tree hash .*`,
    `${time} done`,
    `${time} moraine vault describe 'no\\\\x1bne' --log-file log`,
    `${time} failed with exit code 3: Vault not found.*`,
    "",
  ];
  assert.match(await readFile(log, "utf8"), new RegExp(`^${expected.join("\n")}$`));
  await here.refused(
    ["vault", "list", "--log-file", "none/log"],
    2,
    /^moraine: cannot open the log file none\/log: ENOENT/,
  );
});

test("a log file that cannot be written is named once, and ends nothing", async () => {
  const { code, stderr } = await here.run(["upload", vault, "content", "--log-file", "/dev/full"]);
  assert.equal(code, 0);
  assert.match(stderr, /^moraine: warning: cannot write to the log file: ENOSPC.*\n$/);
});

test("--verbose prints each request with its id, and each failed attempt with the pause after it", async () => {
  let refusals = 2;
  proxy.change = ({ path }) =>
    path.endsWith("/output") && refusals-- > 0
      ? { refusal: { status: 503, code: "ServiceUnavailableException", message: "soon" } }
      : undefined;
  const id = await upload();
  const { code, stderr } = await apart.run(["retrieve", vault, id, "-o", "verbose", "--verbose"]);
  proxy.change = () => undefined;
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^moraine: POST 127\.0\.0\.1 \/-\/vaults\/unwatched\/jobs: 202 \(request id [\w-]+\) after \d+ ms$/m,
  );
  const failures = stderr.match(/^moraine: (attempt|range) .* failed, .*soon/gm) ?? [];
  assert.equal(failures.length, 2, stderr);
  assert.doesNotMatch(stderr, /[Ss]ignature|AKIA/);
});

test("a line a minute says how far a transfer is, and a failing service gets one line a minute", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const lines: string[] = [];
  const report = plainReport({ name: "name", isVerbose: false, write: (line) => lines.push(line), print: () => {} });
  const totals = { verifiedBytes: 1024 ** 2, transferredBytes: 1024 ** 2, repeatedBytes: 0, resumedBytes: 0 };
  report.onEvent({ kind: "progress", sizeBytes: 4 * 1024 ** 2, ...totals });
  const minute = () => {
    mock.timers.tick(60_000);
    return lines.splice(0);
  };
  assert.deepEqual(lines, []);
  assert.match(minute().join("\n"), /^name .* 25 % /);
  for (const attempts of [1, 2, 3]) {
    report.onEvent({ kind: "retry", operation: "O", attempts, pauseMilliseconds: 1000, error: new Error("away") });
  }
  assert.deepEqual(lines.splice(0), ["attempt 1 failed, retrying in 1 s: away"]);
  assert.equal(minute()[0], "attempt 3 failed, retrying in 1 s: away");
  report.onEvent({ kind: "job", jobId: "j", state: "waiting" });
  report.onEvent({ kind: "job", jobId: "j", state: "waiting" });
  assert.deepEqual(lines.splice(0), ["job j is in progress"]);
  assert.match(minute().join("\n"), /^name {2}waiting for job j…/);
  report.done({});
  assert.deepEqual(minute(), []);
  mock.timers.reset();
});

test("amounts of a line share one unit, and a line fits 40 columns", () => {
  const line = new ProgressLine("holiday.tar");
  const event = { kind: "progress", sizeBytes: 10 * 1024 ** 3, repeatedBytes: 0, resumedBytes: 0 } as const;
  line.progress({ ...event, verifiedBytes: 0, transferredBytes: 0 }, 0);
  line.progress({ ...event, verifiedBytes: 1000, transferredBytes: 5 * 1024 ** 2 }, 1000);
  assert.match(line.text(1000, 100), / 0\.0 MiB verified +5\.0 MiB\/s {2}of 10240 MiB$/);
  assert.ok(line.text(1000, 40).length < 40, line.text(1000, 40));
  line.waiting("j".repeat(92), 0);
  assert.ok(line.text(1000, 40).length < 40, line.text(1000, 40));
});
