import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { untilTrue } from "../support/sdk-client.ts";
import { within } from "../support/server-process.ts";

// The engines themselves: each starts, works, and leaves nothing.

for (const name of ["ceph", "swift"] as const) {
  test(`${name} keeps an object while it runs, and nothing is left of it`, { skip: missingEngine(name) }, async () => {
    const engine = await startEngine(name);
    const processes = processesOf(engine);
    try {
      assert.ok(processes.length > 1 && processes.every(isRunning));
      const s3 = clientOf(engine);
      const at = { Bucket: "another", Key: "some/key" };
      await s3.send(new CreateBucketCommand({ Bucket: at.Bucket }));
      await s3.send(new PutObjectCommand({ ...at, Body: "kept" }));
      const { Body } = await s3.send(new GetObjectCommand(at));
      assert.equal(await Body?.transformToString(), "kept");
      s3.destroy();
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    assert.ok(!existsSync(engine.folder));
    assert.deepEqual(processes.filter(isRunning), []);
  });
}

for (const [name, variable] of [
  ["postgres", "DATABASE_URL"],
  ["postgresPair", "DATABASE_URL_STANDBY"],
] as const) {
  test(`${name} answers while it runs, and nothing is left of it`, { skip: missingEngine(name) }, async () => {
    const engine = await startEngine(name);
    const processes = processesOf(engine);
    try {
      const url = engine.variables[variable] ?? "";
      const output = execFileSync("psql", ["--no-psqlrc", "--tuples-only", "--command", "select 6 * 7", url]);
      assert.equal(output.toString().trim(), "42");
    } finally {
      await engine[Symbol.asyncDispose]();
    }
    assert.ok(!existsSync(engine.folder));
    assert.deepEqual(processes.filter(isRunning), []);
  });
}

describe("engines of tests that fail", () => {
  test("an engine ends when the process that started it is killed", { skip: missingEngine("ceph") }, async () => {
    const program = `
      import { startEngine } from ${JSON.stringify(new URL("../support/engines/engine.ts", import.meta.url).href)};
      const { folder } = await startEngine("ceph");
      console.log(folder);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await within(120_000, once(child.stdout, "data"), "the engine does not start");
    const folder = String(line).trim();
    const processes = processesOf({ folder });
    assert.ok(processes.length > 1 && processes.every(isRunning));
    child.kill("SIGKILL");
    await untilTrue("the engine ends", async () => !existsSync(folder));
    assert.deepEqual(processes.filter(isRunning), []);
  });

  test("an engine that does not start says why, and leaves nothing", { skip: missingEngine("ceph") }, async () => {
    const started = startEngine("ceph", { S3_BUCKET: "Not a bucket" });
    await assert.rejects(started, /could not create bucket/);
  });
});

function clientOf({ variables }: Engine): S3Client {
  const [accessKeyId = "", secretAccessKey = ""] = [variables["S3_ACCESS_KEY"], variables["S3_SECRET_KEY"]];
  return new S3Client({
    region: variables["S3_REGION"] ?? "",
    endpoint: variables["S3_ENDPOINT"] ?? "",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
}

/** Process groups, as the scripts note them. */
function processesOf({ folder }: Pick<Engine, "folder">): number[] {
  const files = readdirSync(join(folder, "run")).filter((name) => name.endsWith(".spid"));
  return files.map((name) => Number(readFileSync(join(folder, "run", name), "utf8")));
}

function isRunning(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
