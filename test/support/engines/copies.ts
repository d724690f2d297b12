import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { contentOf, sha256Of } from "../content.ts";
import { GlacierHttp } from "../glacier-http.ts";
import {
  cleanEnvironment,
  type Ending,
  endingOf,
  repositoryRoot,
  type ServerProcess,
  serverProgram,
  within,
} from "../server-process.ts";
import { fill, ids, storedArchives } from "../verify/filled-folder.ts";
import type { Engine } from "./engine.ts";
import { connectDirectly } from "./postgres-store.ts";
import type { S3Place } from "./s3-place.ts";

// Copies between data folders and clusters, and what both ends have to show alike.

const mebibyte = 1024 ** 2;
/** Flags of the servers at both ends. */
export const copyFlags = ["--standard-delay", "1h", "--inventory-delay", "0", "--expedited-delay", "0"];

/** An empty database of the engine. */
export async function newDatabase({ variables }: Engine): Promise<string> {
  const url = new URL(variables["DATABASE_URL"] ?? "");
  const name = `copy_${randomUUID().replaceAll("-", "")}`;
  await using client = await connectDirectly(String(url));
  await client.query(`create database ${name}`);
  url.pathname = `/${name}`;
  return String(url);
}

/** Starts the program without the command before it. */
export function startCopy(args: readonly string[], { environment }: Pick<S3Place, "environment">) {
  const child = spawn(process.execPath, ["--conditions=@moraine/source", serverProgram("copy"), ...args], {
    env: {
      ...cleanEnvironment(),
      ...environment,
      NODE_COMPILE_CACHE: join(repositoryRoot, "node_modules/.cache/moraine"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return { child, ending: within(120_000, endingOf(child), `copy ${args.join(" ")}`) };
}

/** @param killAfter milliseconds; null lets it end */
export async function runCopy(
  args: readonly string[],
  place: Pick<S3Place, "environment">,
  killAfter: number | null = null,
): Promise<Ending> {
  const { child, ending } = startCopy(args, place);
  const timer = killAfter === null ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  return ending.finally(() => clearTimeout(timer));
}

/** Fills a service with some of everything that is kept. Its server has `--standard-delay 1h`. */
export async function fillService(http: GlacierHttp): Promise<void> {
  await fill(http);
  await http.uploadArchive("other", contentOf(21, 21 * mebibyte + 17), "in parts of the bucket");
  const tags = Buffer.from(JSON.stringify({ Tags: { colour: "blue", size: "1" } }));
  await http.demand({ method: "POST", path: "/-/vaults/photos/tags", query: { operation: "add" }, body: tags });
  const statement = { Effect: "Allow", Action: "glacier:List*", Resource: "*" };
  await http.admin("PUT", "/users/ada");
  await http.admin("PUT", "/users/ada/policies/reads", {
    Policy: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }),
  });
  const job = { Type: "archive-retrieval", ArchiveId: ids.parts };
  await http.initiateJob("photos", { ...job, Tier: "Standard", Description: "waits" });
  await http.jobSucceeded("photos", await http.initiateJob("photos", { ...job, Tier: "Expedited" }));
}

/** Everything that the APIs show, with the hashes of the outputs of jobs, and the first page of the audit trail. */
export async function contentsOf(http: GlacierHttp): Promise<Readonly<Record<string, unknown>>> {
  const { VaultList: vaults } = (await read(http, "/-/vaults")) as { VaultList: { VaultName: string }[] };
  const contents: Record<string, unknown> = { vaults };
  for (const { VaultName: name } of vaults) {
    contents[name] = await contentsOfVault(http, `/-/vaults/${name}`);
  }
  for (const path of ["/users", "/users/ada/policies", "/users/ada/policies/reads", "/access-keys", "/accounts"]) {
    contents[path] = await http.admin("GET", path);
  }
  const { AuditEntries: entries } = (await http.admin("GET", "/audit")) as { AuditEntries: { Operation: string }[] };
  // Each start that is given the root's key adds one.
  contents["/audit"] = entries.filter(({ Operation }) => Operation !== "PutRootKey");
  return contents;
}

async function contentsOfVault(http: GlacierHttp, path: string): Promise<Readonly<Record<string, unknown>>> {
  const [tags, lock, uploads, jobs] = [
    await read(http, `${path}/tags`),
    await read(http, `${path}/lock-policy`),
    await read(http, `${path}/multipart-uploads`),
    await read(http, `${path}/jobs`),
  ];
  const parts = [];
  for (const { MultipartUploadId: id } of (uploads as { UploadsList: { MultipartUploadId: string }[] }).UploadsList) {
    parts.push(await read(http, `${path}/multipart-uploads/${id}`));
  }
  const outputs = [];
  for (const { JobId, StatusCode } of (jobs as { JobList: { JobId: string; StatusCode: string }[] }).JobList) {
    if (StatusCode === "Succeeded") {
      const { body } = await http.demand({ method: "GET", path: `${path}/jobs/${JobId}/output` });
      outputs.push([JobId, sha256Of(body)]);
    }
  }
  return { tags, lock, uploads, jobs, parts, outputs };
}

async function read(http: GlacierHttp, path: string): Promise<unknown> {
  const { status, body } = await http.send({ method: "GET", path });
  return status === 200 ? JSON.parse(body.toString()) : status;
}

/** Exit code and errors of a copy. */
export async function endOf(args: readonly string[], place: Pick<S3Place, "environment">) {
  const { code, stderr } = await runCopy(args, place);
  return [code, stderr];
}

/** Whether the mark of a copy keeps nodes away. */
export async function isMarked(database: string): Promise<boolean> {
  await using client = await connectDirectly(database);
  return (await client.query("select 1 from copy_mark").catch(() => ({ rows: [] }))).rows.length > 0;
}

/** Stops the server after the work. */
export async function withServer<Result>(
  server: ServerProcess,
  work: (http: GlacierHttp) => Promise<Result>,
): Promise<Result> {
  await using running = server;
  const http = new GlacierHttp(running.url);
  try {
    const result = await work(http);
    await running.stop();
    return result;
  } finally {
    http.close();
  }
}

/** Retrieves what `fillService` has stored. */
export async function assertRetrievable(http: GlacierHttp): Promise<void> {
  for (const { vault, id, bytes } of storedArchives()) {
    const jobId = await http.initiateJob(vault, { Type: "archive-retrieval", ArchiveId: id, Tier: "Expedited" });
    await http.jobSucceeded(vault, jobId);
    assert.ok((await http.jobOutput(vault, jobId)).equals(bytes), id);
  }
}
