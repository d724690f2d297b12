import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { alertRules, alertsFile, dashboardExpressions } from "../support/expressions.ts";
import { GlacierHttp } from "../support/glacier-http.ts";
import { startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The rules for alerts, evaluated by Prometheus's own promtool (Debian's package prometheus) over what a real server shows.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Samples of a server that is well, by series. */
const healthy = new Map<string, string>([['up{job="moraine",instance="a"}', "1"]]);

before(async () => {
  folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: join(folder.path, "data") });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault("photos");
  glacier.close();
  const text = await (await fetch(`${server.url}/metrics`)).text();
  for (const [, name = "", labels = "", value = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
    healthy.set(seriesOf(name, labels), value);
  }
  assert.ok(healthy.size > 150, `${healthy.size} samples`);
});
after(() => folder[Symbol.asyncDispose]());

const seriesOf = (name: string, labels = ""): string =>
  `${name}{${labels}${labels === "" ? "" : ","}job="moraine",instance="a"}`;

/** Runs promtool. Where it is missing, the error says so: ENOENT. */
async function promtool(args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("promtool", args).catch((error: Error & { code?: unknown }) => {
    throw error.code === "ENOENT" ? new Error("promtool is missing: install Debian's package prometheus") : error;
  });
  return stdout;
}

test("promtool reads the rules, and every expression of the dashboard", async () => {
  const stdout = await promtool(["check", "rules", alertsFile]);
  assert.match(stdout, new RegExp(`SUCCESS: ${alertRules().length} rules found`));
  const rules = dashboardExpressions().map((expr, index) => ({ record: `panel:${index}`, expr }));
  const file = join(folder.path, "dashboard.yml");
  await writeFile(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  assert.match(await promtool(["check", "rules", file]), new RegExp(`SUCCESS: ${rules.length} rules found`));
});

const gibibyte = 1024 ** 3;

/** Samples that trouble changes; those with `x` are values over minutes. Null is a series that is not scraped. */
const troubles: ReadonlyArray<readonly [alert: string, samples: Readonly<Record<string, string | null>>]> = [
  ["MoraineNotScraped", { up: "0" }],
  ["MoraineNotScraped", { up: null }],
  ["MoraineHalted", { moraine_halted: "1" }],
  ["MoraineNotReady", { moraine_ready: "0" }],
  ["MoraineReadOnly", { 'moraine_read_only|reason="disk_full"': "1" }],
  ["MoraineDamage", { moraine_damaged_archives: "1" }],
  ["MoraineDamage", { moraine_damaged_inventories: "1" }],
  ["MoraineDamage", { moraine_suspect_segments: "1" }],
  ["MoraineScrubLate", { moraine_scrub_oldest_unverified_seconds: `${46 * 86_400}` }],
  ["MoraineScrubLate", { moraine_scrub_oldest_new_seconds: "86401" }],
  ["MoraineDiskNearlyFull", { moraine_storage_free_bytes: "1000000000" }],
  ["MoraineDiskNearlyFull", { moraine_storage_free_bytes: `${100 * gibibyte}-${gibibyte}x90` }],
  ["MoraineJobsOld", { 'moraine_job_overdue_seconds|lane="small"': "3601" }],
  ["MoraineQueueLong", { 'moraine_queue_length|queue="upload_memory"': "257" }],
  ["MoraineDiskSlow", { 'moraine_metadata_commit_seconds_bucket|le="3"': "0+60x90", ...allOf("metadata_commit") }],
  ["MoraineDiskSlow", { 'moraine_blob_sync_seconds_bucket|le="10"': "0+60x90", ...allOf("blob_sync") }],
  ["MoraineEventLoopSlow", { nodejs_eventloop_lag_p99_seconds: "0.6" }],
  ["MoraineErrors", { 'moraine_request_seconds_count|operation="ListVaults",status="503"': "0+60x90" }],
  ["MoraineConnectionsRefused", { moraine_refused_connections_total: "0+1x90" }],
  ["MoraineFilesNearlyAll", { process_open_fds: "95", process_max_fds: "100" }],
  ["MoraineNotificationsFail", { 'moraine_notification_attempts_total|outcome="failed"': "0+1x90" }],
  ["MoraineClockUntrusted", { moraine_policy_time_behind_seconds: "61" }],
  ["MoraineSweepStuck", { moraine_last_sweep_seconds: "0" }],
  ["MoraineSweepStuck", { moraine_unremoved_blobs: "1" }],
  ["MoraineAuditLogBehind", { moraine_audit_unlogged_entries: "1001" }],
  ["MoraineFaultsInForce", { moraine_faults_in_force: "1" }],
];

/** All observations are in the buckets from the last but one on. */
function allOf(histogram: string): Record<string, string> {
  return { [`moraine_${histogram}_seconds_bucket|le="+Inf"`]: "0+60x90" };
}

function caseOf(alerts: readonly string[], changed: Readonly<Record<string, string | null>>) {
  const samples = new Map<string, string | null>(healthy);
  for (const [key, value] of Object.entries(changed)) {
    const [name = "", labels = ""] = key.split("|");
    samples.set(seriesOf(name, labels), value);
  }
  return {
    interval: "1m",
    input_series: [...samples]
      .filter(([, value]) => value !== null)
      .map(([series, value]) => ({ series, values: /x\d+$/.test(value ?? "") ? value : `${value}+0x90` })),
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"}) > bool 0',
        eval_time: "80m",
        exp_samples: alerts.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
      },
    ],
  };
}

async function evaluate(cases: readonly object[]): Promise<string> {
  const file = join(folder.path, "cases.yml");
  await writeFile(file, JSON.stringify({ rule_files: [alertsFile], evaluation_interval: "1m", tests: cases }));
  return promtool(["test", "rules", file]);
}

test("no alert fires for a server that is well", async () => {
  assert.match(await evaluate([caseOf([], {})]), /SUCCESS/);
});

test("each alert fires for its trouble, and no other does", async () => {
  const tried = new Set(troubles.map(([alert]) => alert));
  assert.deepEqual(
    alertRules().filter(({ name }) => !tried.has(name)),
    [],
  );
  assert.match(await evaluate(troubles.map(([alert, changed]) => caseOf([alert], changed))), /SUCCESS/);
});
