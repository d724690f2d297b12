import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  CreateVaultCommand,
  InitiateJobCommand,
  InitiateMultipartUploadCommand,
  ListVaultsCommand,
  UploadArchiveCommand,
} from "@aws-sdk/client-glacier";
import { treeHashOf } from "./support/content.ts";
import { alertRules, dashboardExpressions, selectorsOf } from "./support/expressions.ts";
import { inOrder, metricsOf, type ShownMetric, sampleOf } from "./support/metrics-text.ts";
import { own, sdkClient } from "./support/sdk-client.ts";
import { type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A real server is used a little, and scraped once: its figures, and the page that describes them.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let text: string;

before(async () => {
  folder = await temporaryFolder();
  const flags = ["--allow-faults", "--fault", "slow-body:bytesPerSecond=1000000,operation=ListVaults,count=1"];
  server = await startServer({ dataFolder: folder.path, flags });
  const client = sdkClient(server);
  for (const vaultName of ["photos", "films"]) {
    await client.send(new CreateVaultCommand({ ...own, vaultName }));
  }
  await client.send(new ListVaultsCommand(own));
  for (const body of [Buffer.from("one"), Buffer.from("three")]) {
    await client.send(new UploadArchiveCommand({ ...own, vaultName: "photos", body, checksum: treeHashOf(body) }));
  }
  const upload = { ...own, vaultName: "films", partSize: "1048576" };
  await client.send(new InitiateMultipartUploadCommand(upload));
  const jobParameters = { Type: "inventory-retrieval" };
  await client.send(new InitiateJobCommand({ ...own, vaultName: "photos", jobParameters }));
  client.destroy();
  text = await (await fetch(`${server.url}/metrics`)).text();
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const quoted = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, word = ""]) => word);

test("docs/metrics.md has the names, types and labels that a server shows", () => {
  const documented = new Map<string, ShownMetric>();
  const page = readFileSync("docs/metrics.md", "utf8");
  for (const [, name = "", type = "", labels = ""] of page.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*)\| /gm)) {
    documented.set(name, { type, labels: inOrder(quoted(labels)) });
  }
  const shown = metricsOf(text);
  assert.deepEqual(inOrder(documented.keys()), inOrder(shown.keys()));
  for (const [name, { type, labels }] of shown) {
    const isOurs = name.startsWith("moraine_");
    assert.ok(!isOurs || labels !== null, `${name} has no sample, so its labels are not seen`);
    const found = { type, labels: labels ?? documented.get(name)?.labels };
    assert.deepEqual({ name, ...found }, { name, ...documented.get(name) });
  }
});

test("the values of labels that the page names are those that a server shows", () => {
  const page = readFileSync("docs/metrics.md", "utf8");
  for (const [name, label] of [
    ["moraine_read_only", "reason"],
    ["moraine_scrub_bytes_total", "source"],
    ["moraine_scrub_segments_total", "outcome"],
    ["moraine_repairs_total", "copy"],
    ["moraine_connections", "state"],
    ["moraine_queue_length", "queue"],
    ["moraine_jobs", "state"],
    ["moraine_job_overdue_seconds", "lane"],
    ["moraine_notifications", "state"],
    ["moraine_notification_attempts_total", "outcome"],
  ] as const) {
    const [, meaning = ""] = new RegExp(`^\\| \`${name}\` \\|[^|]*\\|[^|]*\\|(.*)\\|$`, "m").exec(page) ?? [];
    const shown = [...text.matchAll(new RegExp(`^${name}\\{${label}="(\\w+)"\\}`, "gm"))].map(
      ([, value = ""]) => value,
    );
    assert.deepEqual(inOrder(quoted(meaning)), inOrder(shown), name);
  }
});

test("figures are those of what was done", () => {
  for (const [sample, value] of [
    ["moraine_ready", 1],
    ["moraine_halted", 0],
    ["moraine_vaults", 2],
    ["moraine_archives", 2],
    ["moraine_stored_bytes", 8],
    ["moraine_open_uploads", 1],
    ["moraine_dead_segments", 0],
    ['moraine_jobs{state="waiting"}', 0],
    ['moraine_job_overdue_seconds{lane="small"}', 0],
    ['moraine_jobs_total{action="InventoryRetrieval",state="succeeded"}', 1],
    ['moraine_jobs_total{action="ArchiveRetrieval",state="failed"}', 0],
    ['moraine_queue_length{queue="metadata_changes"}', 0],
    ['moraine_request_seconds_count{operation="UploadArchive",status="201"}', 2],
    ["moraine_audit_unlogged_entries", 0],
    ["moraine_refused_connections_total", 0],
  ] as const) {
    assert.equal(sampleOf(text, sample), value, sample);
  }
});

test("figures that change are in their bounds", () => {
  for (const [sample, least, most] of [
    ["moraine_metadata_commit_seconds_count", 6, 1000],
    ["moraine_metadata_commit_seconds_sum", 1e-5, 100],
    ["moraine_blob_sync_seconds_count", 4, 1000],
    ["moraine_blob_sync_seconds_sum", 1e-5, 100],
    ["moraine_database_bytes", 100_000, 10_000_000],
    ["moraine_database_log_bytes", 4096, 10_000_000],
    ["moraine_audit_entries", 6, 100],
    ['moraine_connections{state="busy"}', 1, 10],
    ["moraine_last_sweep_seconds", 1.7e9, 1e11],
    ["process_resident_memory_bytes", 5e7, 1e9],
  ] as const) {
    const value = sampleOf(text, sample) ?? Number.NaN;
    assert.ok(value >= least && value <= most, `${sample} is ${value}`);
  }
});

/** Labels that Prometheus adds. */
const ofPrometheus = ["job", "instance", "le"];

test("each metric of the dashboard and the alert rules exists, with the labels that it is selected by", () => {
  const expressions = [...dashboardExpressions(), ...alertRules().map(({ expression }) => expression)];
  assert.ok(expressions.length > 40, `${expressions.length} expressions are read`);
  const shown = metricsOf(text);
  const metricOf = (name: string) => shown.get(name) ?? shown.get(name.replace(/_(bucket|sum|count)$/, ""));
  for (const expression of expressions) {
    for (const { metric, labels } of selectorsOf(expression)) {
      const found = metricOf(metric);
      assert.ok(found !== undefined, `${metric} is no metric: ${expression}`);
      const unknown = labels.filter((label) => ![...(found.labels ?? []), ...ofPrometheus].includes(label));
      assert.deepEqual(unknown, [], `labels of ${metric} in ${expression}`);
    }
    for (const [, names = ""] of expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)) {
      const known = new Set(selectorsOf(expression).flatMap(({ metric }) => metricOf(metric)?.labels ?? []));
      const unknown = names.split(/, */).filter((name) => !known.has(name) && !ofPrometheus.includes(name));
      assert.deepEqual(unknown, [], `labels of a group in ${expression}`);
    }
  }
});
