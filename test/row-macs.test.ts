import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { type Answer, GlacierHttp } from "./support/glacier-http.ts";
import { freshMetrics } from "./support/metrics.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Somebody with a right to the data folder edits the database of a real server, which serves.

const policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "keep",
      Effect: "Deny",
      Principal: "*",
      Action: "glacier:DeleteArchive",
      Resource: "arn:aws:glacier:us-east-1:123456789012:vaults/locked",
      Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": "3650" } },
    },
  ],
});
const refusal = {
  code: "ServiceUnavailableException",
  message: "The metadata that this request needs are damaged. The operator has to restore them.",
  type: "Server",
};

test("one UPDATE of a lock's columns is refused at the next request, loudly, and other vaults are served", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await using server = await startServer({ dataFolder });
  const http = new GlacierHttp(server.url);
  const archiveId = await lockedArchive(http);
  await http.createVault("other");
  const deletion = { method: "DELETE", path: `/-/vaults/locked/archives/${archiveId}` };
  assert.equal((await http.send(deletion)).status, 403, "the lock denies it");

  edit(
    dataFolder,
    `UPDATE vaults SET lock_policy = NULL, lock_id = NULL, lock_state = NULL, lock_created_at = NULL
    WHERE name = 'locked'`,
  );
  for (const call of [deletion, { method: "GET", path: "/-/vaults/locked" }]) {
    const answer = await http.send(call);
    assert.equal(answer.status, 500);
    assert.deepEqual(JSON.parse(answer.body.toString()), refusal);
  }
  assert.equal((await http.send({ method: "GET", path: "/-/vaults/other" })).status, 200);
  assert.match(await freshMetrics(server.url), /^moraine_damaged_rows 1$/m);
  const health = (await http.admin("GET", "/health")) as { Warnings: string[] };
  assert.match(
    health.Warnings.join("\n"),
    /^The metadata are damaged, or were changed by somebody: 1 row is not as stored/m,
  );
  http.close();
  const { stderr } = await server.stop();
  const lines = stderr.split("\n").filter((line) => line.includes("a row is not as it was stored"));
  assert.equal(lines.length, 1, "each row is logged once");
  assert.match(lines[0] ?? "", /"table":"vaults","row":"id /);
});

test("an archive's row that is removed while the server is down makes its vault's inventories fail, and is named after the start", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const archiveId = await stopped(dataFolder, async (http) => {
    await http.createVault("photos");
    await http.uploadArchive("photos", Buffer.from("one"), "one");
    return http.uploadArchive("photos", Buffer.from("two"), "two");
  });
  assert.ok(archiveId.length > 0);
  edit(dataFolder, "DELETE FROM archives WHERE description = 'one'");
  await using server = await startServer({ dataFolder });
  const http = new GlacierHttp(server.url);
  const jobId = await http.initiateJob("photos", { Type: "inventory-retrieval" });
  const job = await ended(http, jobId);
  assert.equal(job["StatusCode"], "Failed");
  assert.equal(job["StatusMessage"], "The metadata that the job needs are damaged");
  assert.match(await freshMetrics(server.url), /^moraine_damaged_rows 1$/m);
  http.close();
});

test("rows of another folder are refused, also under the same key of access", async () => {
  await using folder = await temporaryFolder();
  const [one, other] = [join(folder.path, "one"), join(folder.path, "other")];
  for (const dataFolder of [one, other]) {
    await stopped(dataFolder, (http) => http.createVault("photos"));
  }
  await cp(join(other, "moraine.db"), join(folder.path, "other.db"));
  edit(
    one,
    `ATTACH '${join(folder.path, "other.db")}' AS other;
    DELETE FROM vaults; INSERT INTO vaults SELECT * FROM other.vaults`,
  );
  await using server = await startServer({ dataFolder: one });
  const http = new GlacierHttp(server.url);
  assert.equal((await http.send({ method: "GET", path: "/-/vaults/photos" })).status, 500);
  http.close();
});

async function lockedArchive(http: GlacierHttp): Promise<string> {
  await http.createVault("locked");
  const archiveId = await http.uploadArchive("locked", Buffer.from("for ever"), "kept");
  const body = Buffer.from(JSON.stringify({ Policy: policy }));
  const initiated: Answer = await http.demand({ method: "POST", path: "/-/vaults/locked/lock-policy", body });
  await http.demand({ method: "POST", path: `/-/vaults/locked/lock-policy/${initiated.headers["x-amz-lock-id"]}` });
  return archiveId;
}

async function stopped<Value>(dataFolder: string, use: (http: GlacierHttp) => Promise<Value>): Promise<Value> {
  await using server: ServerProcess = await startServer({ dataFolder });
  const http = new GlacierHttp(server.url);
  const value = await use(http);
  http.close();
  await server.stop();
  return value;
}

async function ended(http: GlacierHttp, jobId: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { body } = await http.demand({ method: "GET", path: `/-/vaults/photos/jobs/${jobId}` });
    const job = JSON.parse(body.toString()) as Record<string, unknown>;
    if (job["Completed"] === true) {
      return job;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function edit(dataFolder: string, statements: string): void {
  using database = new DatabaseSync(join(dataFolder, "moraine.db"));
  database.exec(statements);
}
