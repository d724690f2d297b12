import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { contentOf } from "../../support/content.ts";
import { GlacierHttp } from "../../support/glacier-http.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import type { TenantLoad } from "../../support/tenant-load.ts";

// Two tenants share a server, and one of them sends whatever costs most. The other's times are compared with those next to a tenant
// that sends as many ordinary requests at a time.

const mebibyte = 1024 ** 2;
const hostileAccount = "999999999999";
const userCount = 6;
const describesPerPhase = 300;
const jobsPerPhase = 20;
const phases = 3;

type Key = TenantLoad["connections"][number]["key"];
const keyOf = (given: unknown): Key => {
  const { AccessKeyId, SecretAccessKey } = given as { AccessKeyId: string; SecretAccessKey: string };
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
};

/** As costly as a policy may be: patterns that each request's long User-Agent is compared with, and an Allow. */
function costlyPolicy(user: number, policy: number): string {
  const patterns = Array.from({ length: 22 }, (_, index) => `*${"a".repeat(12)}${index}*`);
  return JSON.stringify({
    Version: "2012-10-17",
    Id: `${user}-${policy}-${"x".repeat(1800)}`,
    Statement: [
      { Effect: "Allow", Action: "glacier:*", Resource: "*" },
      { Effect: "Deny", Action: "*", Resource: "*", Condition: { StringLike: { "aws:UserAgent": patterns } } },
    ],
  });
}

async function makeHostileTenant(url: string): Promise<{ root: Key; users: Key[]; archiveIds: string[] }> {
  const operator = new GlacierHttp(url);
  const made = (await operator.admin("POST", "/accounts", { AccountId: hostileAccount })) as { AccessKey: unknown };
  const root = keyOf(made.AccessKey);
  const glacier = new GlacierHttp(url, root);
  await glacier.createVault("hers");
  const users: Key[] = [];
  for (let user = 0; user < userCount; user += 1) {
    await glacier.admin("PUT", `/users/user-${user}`);
    for (let policy = 0; policy < 20; policy += 1) {
      await glacier.admin("PUT", `/users/user-${user}/policies/p${policy}`, { Policy: costlyPolicy(user, policy) });
    }
    const query = { userName: `user-${user}` };
    const key = await glacier.demand({ method: "POST", path: "/admin/access-keys", query, service: "moraine" });
    users.push(keyOf(JSON.parse(key.body.toString())));
  }
  const archiveIds = [
    await glacier.uploadArchive("hers", contentOf(1, 64 * mebibyte), "small lane"),
    await glacier.uploadArchive("hers", contentOf(2, 256 * mebibyte), "large lane"),
  ];
  operator.close();
  glacier.close();
  return { root, users, archiveIds };
}

function ordinary(url: string, root: Key, count: number): TenantLoad {
  return { url, connections: Array(count).fill({ key: root, call: { method: "GET", path: "/-/vaults/hers" } }) };
}

function hostile(url: string, { root, users, archiveIds }: Awaited<ReturnType<typeof makeHostileTenant>>): TenantLoad {
  const vault = "/-/vaults/hers";
  const tags = JSON.stringify({
    Tags: Object.fromEntries(Array.from({ length: 2400 }, (_, index) => [`k${index}`, ""])),
  });
  const patterns = Array.from({ length: 900 }, (_, index) => `*aaaaaaa${index}*`);
  const statement = { Effect: "Deny", Principal: "*", Action: "*", Resource: "*" };
  const tooCostly = { Statement: { ...statement, Condition: { StringLike: { "aws:UserAgent": patterns } } } };
  const policy = JSON.stringify({ Policy: JSON.stringify(tooCostly) });
  const job = (index: number) => JSON.stringify({ Type: "archive-retrieval", ArchiveId: archiveIds[index] });
  const agent = { "user-agent": "a".repeat(1024) };
  return {
    url,
    connections: [
      ...users.map((key) => ({ key, call: { method: "GET", path: vault, headers: agent } })),
      { key: root, call: { method: "POST", path: `${vault}/tags`, query: { operation: "add" }, body: tags } },
      { key: root, call: { method: "PUT", path: `${vault}/access-policy`, body: policy } },
      ...[0, 1, 0, 1].map((index) => ({
        key: root,
        call: { method: "POST", path: `${vault}/jobs`, body: job(index) },
      })),
    ],
  };
}

const p99 = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? 0;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

interface Times {
  readonly describe: number;
  readonly inventory: number;
  readonly counts: Record<string, number>;
}

/** The honest tenant's p99 in milliseconds while the other sends its load. */
async function measure(url: string, load: TenantLoad): Promise<Times> {
  const worker = new Worker(new URL("../../support/tenant-load.ts", import.meta.url), { workerData: load });
  const ended = once(worker, "message");
  const glacier = new GlacierHttp(url);
  const timed = async (count: number, work: () => Promise<unknown>): Promise<number> => {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const start = performance.now();
      await work();
      times.push(performance.now() - start);
    }
    return p99(times);
  };
  await timed(50, () => glacier.demand({ method: "GET", path: "/-/vaults/mine" }));
  const describe = await timed(describesPerPhase, () => glacier.demand({ method: "GET", path: "/-/vaults/mine" }));
  const inventory = await timed(jobsPerPhase, async () => {
    await glacier.jobSucceeded("mine", await glacier.initiateJob("mine", { Type: "inventory-retrieval" }));
  });
  glacier.close();
  worker.postMessage("stop");
  const [counts] = await ended;
  await worker.terminate();
  return { describe, inventory, counts };
}

test("a tenant that sends whatever costs most does not double the other's p99", { timeout: 300_000 }, async (t) => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path, flags: ["--log-level", "error"] });
  const { url } = server;
  const honest = new GlacierHttp(url);
  await honest.createVault("mine");
  await honest.uploadArchive("mine", contentOf(3, 1000), "mine");
  honest.close();
  const tenant = await makeHostileTenant(url);
  const attack = hostile(url, tenant);
  const alone: Times[] = [];
  const reference: Times[] = [];
  const attacked: Times[] = [];
  for (let phase = 0; phase < phases; phase += 1) {
    alone.push(await measure(url, ordinary(url, tenant.root, 0)));
    reference.push(await measure(url, ordinary(url, tenant.root, attack.connections.length)));
    attacked.push(await measure(url, attack));
  }
  for (const what of ["describe", "inventory"] as const) {
    const [without, before, after] = [alone, reference, attacked].map((times) => median(times.map((one) => one[what])));
    t.diagnostic(
      `${what}: p99 ${without?.toFixed(1)} ms alone, ${before?.toFixed(1)} ms beside ordinary requests, ${after?.toFixed(1)} ms beside hostile ones`,
    );
    assert.ok((after ?? 0) <= 2 * (before ?? 0) + 10, what);
  }
  t.diagnostic(JSON.stringify(attacked.at(-1)?.counts));
  assert.equal((await server.stop()).code, 0);
});
