import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot } from "../support/command.ts";
import { peakMebibytes } from "../support/peak-memory.ts";
import { Random } from "../support/random.ts";
import { jobsOf, RescueRig, vault } from "../support/rescue-rig.ts";

// A large vault, rescued through faults and kills. RESCUE_ARCHIVES and RESCUE_KILLS say how large and how many; RESCUE_SEED repeats a run.

const archives = Number(process.env["RESCUE_ARCHIVES"] ?? 100_000);
const kills = Number(process.env["RESCUE_KILLS"] ?? 100);
const seed = Number(process.env["RESCUE_SEED"] ?? 1);
/** Where the vault and its copies are. @default the system's folder of temporary files */
const parent = process.env["RESCUE_FOLDER"];
const mebibyte = 1024 ** 2;
const memoryMebibytesMax = 256;
const secondsMax = 4 * 3600;

const rules = [
  { Mode: "throttle", Operation: "InitiateJob", Rate: 0.01 },
  { Mode: "throttle", Operation: "ListJobs", Rate: 0.01 },
  { Mode: "unavailable", Rate: 0.01 },
  { Mode: "reset", Operation: "InitiateJob", Rate: 0.01 },
  { Mode: "reset", Operation: "GetJobOutput", Rate: 0.02, Bytes: 700 },
  { Mode: "wrong-checksum", Operation: "GetJobOutput", Rate: 0.02 },
  { Mode: "corrupt-byte", Operation: "GetJobOutput", Rate: 0.02 },
  { Mode: "expired-job", Operation: "GetJobOutput", Rate: 0.005 },
];

test(`${archives} archives are rescued through faults and ${kills} kills`, async () => {
  const flags = ["--profile", "aws", "--clock", "manual", "--allow-faults", "--fault-seed", String(seed)];
  const largeBytes = [40 * mebibyte + 1, 150 * mebibyte];
  await using rig = await RescueRig.start({
    archives,
    seed,
    flags,
    largeBytes,
    ...(parent !== undefined && { parent }),
  });
  const catalog = join(rig.folder, "catalog.sqlite");
  await rig.readyInventory(["--catalog", catalog]);
  for (const rule of rules) {
    await rig.putFault(rule);
  }
  const random = new Random(seed);
  const started = performance.now();
  using clock = rig.driveClock(catalog);
  const run = { rig, args: ["--catalog", catalog, "--tier", "Standard"], mebibytes: 0 };
  let killed = 0;
  let code: number | null = null;
  while (code === null) {
    // Later kills are later within their run too, so that each run gets further than its start.
    code = await runFor(run, killed < kills ? random.whole(1500, 12_000) : secondsMax * 1000);
    killed += code === null ? 1 : 0;
  }
  assert.equal(code, 0);
  await rig.http.admin("DELETE", "/faults");
  await rig.assertRescued();
  const jobs = jobsOf(catalog).all;
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${archives + 2} archives, ${killed} kills, ${jobs} jobs (${(jobs / (archives + 2)).toFixed(4)} each), ${clock.hours} h by the clock, ${seconds.toFixed(0)} s, at most ${run.mebibytes} MiB`,
  );
  assert.ok(jobs <= 1.05 * (archives + 2), `${jobs} jobs`);
  assert.ok(run.mebibytes <= memoryMebibytesMax, `${run.mebibytes} MiB`);
});

interface Run {
  readonly rig: RescueRig;
  readonly args: readonly string[];
  /** The most memory that any process has had. */
  mebibytes: number;
}

/** Runs the command, and kills it after a time. Resolves to its exit code; null if it was killed. */
async function runFor(run: Run, milliseconds: number): Promise<number | null> {
  const { rig, args } = run;
  const child = rig.shell.start(["rescue", vault, rig.target, "--yes", ...args], { environment: asRoot });
  child.stdin?.end();
  child.stdout?.resume();
  let stderr = "";
  child.stderr?.on("data", (text: Buffer) => {
    stderr = (stderr + text).slice(-5000);
  });
  const exited = once(child, "exit").then(([code]) => (code ?? null) as number | null);
  const end = performance.now() + milliseconds;
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  while (performance.now() < end && isRunning()) {
    await Promise.race([exited, sleep(Math.min(500, end - performance.now()), undefined, { ref: false })]);
    run.mebibytes = Math.max(run.mebibytes, await peakMebibytes(child.pid ?? 0));
  }
  if (isRunning()) {
    child.kill("SIGKILL");
  }
  const code = await exited;
  if (code !== null && code !== 0) {
    console.error(stderr);
  }
  return code;
}
