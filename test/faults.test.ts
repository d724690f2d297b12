import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateVaultCommand,
  DescribeJobCommand,
  GetJobOutputCommand,
  InitiateJobCommand,
  InsufficientCapacityException,
  ListVaultsCommand,
  NoLongerSupportedException,
  ResourceNotFoundException,
  ServiceUnavailableException,
  UploadArchiveCommand,
} from "@aws-sdk/client-glacier";
import type { HealthDescription } from "@moraine/protocol";
import { treeHashOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { freshMetrics } from "./support/metrics.ts";
import { runTool } from "./support/run-tool.ts";
import { own, sdkClient } from "./support/sdk-client.ts";
import { accountId, moraineProgram, runServer, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Faults as people see them who test their own clients: from the command line and by the admin API, through AWS's own SDK.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let admin: GlacierHttp;

before(async () => {
  folder = await temporaryFolder();
  const flags = ["--allow-faults", "--fault-seed", "7", "--fault", "throttle:operation=ListVaults,count=1"];
  server = await startServer({ dataFolder: folder.path, flags });
  admin = new GlacierHttp(server.url);
});
after(async () => {
  admin.close();
  const { stdout, stderr } = await server.stop();
  await folder[Symbol.asyncDispose]();
  assert.match(stdout, /^# WARNING: Faults are allowed: responses may be corrupted on purpose/m);
  assert.match(stdout, /^# WARNING: Fault fault-1 is in force: throttle:operation=ListVaults,count=1$/m);
  const warnings = stderr.split("\n").filter((line) => line.includes('"level":40'));
  assert.match(warnings[0] ?? "", /"seed":7,.*Faults are allowed/);
  assert.match(warnings[1] ?? "", /a fault is in force: throttle/);
  assert.match(warnings.join("\n"), /a fault is in force: unavailable[\s\S]*a fault ended: unavailable/);
});

const moraineAdmin = ["--conditions=@moraine/source", moraineProgram, "admin"];
const put = (rule: object) => admin.admin("POST", "/faults", rule);

test("a fault from the command line acts, and the SDK sees it as throttling, which it would try again", async () => {
  const client = sdkClient(server);
  await assert.rejects(client.send(new ListVaultsCommand(own)), (error: Error & { $retryable?: unknown }) => {
    assert.equal(error.name, "ThrottlingException");
    assert.equal(error.message, "Rate exceeded");
    return true;
  });
  assert.deepEqual((await client.send(new ListVaultsCommand(own))).VaultList, []);
});

test("an SDK that tries again gets through when the count has run out", async () => {
  await put({ Mode: "unavailable", Operation: "ListVaults", Count: 2 });
  const client = sdkClient(server, { maxAttempts: 3 });
  const { $metadata } = await client.send(new ListVaultsCommand(own));
  assert.equal($metadata.attempts, 3);
  await admin.admin("DELETE", "/faults");
});

test("each refusal is the SDK's own class of error", async () => {
  const client = sdkClient(server);
  const vaultName = "photos";
  const body = Buffer.from("an archive");
  await client.send(new CreateVaultCommand({ ...own, vaultName }));
  const { archiveId } = await client.send(
    new UploadArchiveCommand({ ...own, vaultName, body, checksum: treeHashOf(body) }),
  );
  const initiate = (Tier: string) =>
    client.send(
      new InitiateJobCommand({
        ...own,
        vaultName,
        jobParameters: { Type: "archive-retrieval", ArchiveId: archiveId, Tier },
      }),
    );
  const { jobId } = await initiate("Standard");

  await put({ Mode: "insufficient-capacity" });
  await assert.rejects(initiate("Expedited"), InsufficientCapacityException);
  await initiate("Bulk");
  await put({ Mode: "expired-job" });
  for (const command of [DescribeJobCommand, GetJobOutputCommand]) {
    const job = { ...own, vaultName, jobId };
    await assert.rejects(client.send(new command(job) as DescribeJobCommand), ResourceNotFoundException);
  }
  await put({ Mode: "unavailable", Count: 1 });
  await assert.rejects(client.send(new ListVaultsCommand(own)), ServiceUnavailableException);
  await put({ Mode: "no-longer-supported", AccountId: accountId });
  await assert.rejects(client.send(new ListVaultsCommand(own)), NoLongerSupportedException);
  await admin.admin("DELETE", "/faults");
  await client.send(new ListVaultsCommand(own));
});

test("health and metrics report faults while they last", async () => {
  await put({ Mode: "slow-body", BytesPerSecond: 1_000_000 });
  const health = (await admin.admin("GET", "/health")) as HealthDescription;
  assert.equal(health.Ready, true);
  assert.match(
    health.Warnings.join("\n"),
    /Faults are allowed.*\nFault fault-\d+ is in force: slow-body:bytesPerSecond=1000000$/,
  );
  assert.match(await freshMetrics(server.url), /^moraine_faults_in_force 1$/m);
  await sdkClient(server).send(new ListVaultsCommand(own));
  assert.match(await freshMetrics(server.url), /^moraine_faults_total\{mode="slow-body"\} 1$/m);
  await admin.admin("DELETE", "/faults");
  assert.match(await freshMetrics(server.url), /^moraine_faults_in_force 0$/m);
});

test("moraine admin faults puts, lists and ends rules", async () => {
  const run = async (args: string) => {
    const words = ["--endpoint", server.url, "faults", ...args.split(" ")];
    const { code, stdout, stderr } = await runTool(server, process.execPath, [...moraineAdmin, ...words]);
    assert.deepEqual([code, stderr], [0, ""], stdout);
    return stdout;
  };
  const put = await run("put reset --operation GetJobOutput --bytes 4096 --rate 0.5 --count 3");
  const [, id = ""] =
    /^(fault-\d+) {2}reset {2}GetJobOutput {2}- {8}0\.5 {3}3 {5}0 {6}4096 {3}- {8}-$/m.exec(put) ?? [];
  assert.match(put, /^ID +MODE +OPERATION +ACCOUNT +RATE +LEFT +FIRED +BYTES +BYTES\/S +MS$/m);
  assert.equal(await run("list"), put);
  assert.equal(await run(`delete ${id}`), `${id} has ended.\n`);
  assert.equal(await run("clear"), "No fault is in force.\n");
  const health = await runTool(server, process.execPath, [...moraineAdmin, "--endpoint", server.url, "health"]);
  assert.match(health.stdout, /^WARNING: Faults are allowed/m);
});

test("moraine admin requests counts, and moraine admin reset starts over, with the faults of the command line", async () => {
  const run = async (args: string) => {
    const words = ["--endpoint", server.url, ...args.split(" ")];
    const { code, stdout, stderr } = await runTool(server, process.execPath, [...moraineAdmin, ...words]);
    assert.deepEqual([code, stderr], [0, ""], stdout);
    return stdout;
  };
  const client = sdkClient(server);
  assert.equal(await run("reset"), "The service is as it was after its first start.\n");
  assert.deepEqual(JSON.parse(await run("requests --json")), { RequestCounts: [] });
  await assert.rejects(client.send(new ListVaultsCommand(own)), { name: "ThrottlingException" });
  assert.deepEqual((await client.send(new ListVaultsCommand(own))).VaultList, []);
  assert.equal(await run("requests"), "OPERATION   REQUESTS  RESPONSES\nListVaults  2         1 × 200, 1 × 400\n");
});

test("a server without --allow-faults refuses to start with a fault, and one of no meaning too", async () => {
  const none = await runServer(["--data", `${folder.path}/other`, "--fault", "throttle"]);
  assert.deepEqual([none.code, none.stdout], [2, ""]);
  assert.match(none.stderr, /^moraine: --fault corrupts responses: it needs --allow-faults/);
  const odd = await runServer(["--data", `${folder.path}/other`, "--allow-faults", "--fault", "throttle:rate=2"]);
  assert.deepEqual([odd.code, odd.stdout], [2, ""]);
  assert.match(odd.stderr, /^moraine: --fault: A rate is above 0 and up to 1: 2/);
});
