import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Random } from "../support/random.ts";
import { jobsOf, RescueRig } from "../support/rescue-rig.ts";

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
  const rescueFlags = ["--catalog", catalog, "--tier", "Standard"];
  const { killed, mebibytes } = await rig.rescueThroughKills({ kills, random, secondsMax }, rescueFlags);
  await rig.http.admin("DELETE", "/faults");
  await rig.assertRescued();
  const jobs = jobsOf(catalog).all;
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${archives + 2} archives, ${killed} kills, ${jobs} jobs (${(jobs / (archives + 2)).toFixed(4)} each), ${clock.hours} h by the clock, ${seconds.toFixed(0)} s, at most ${mebibytes} MiB`,
  );
  assert.ok(jobs <= 1.05 * (archives + 2), `${jobs} jobs`);
  assert.ok(mebibytes <= memoryMebibytesMax, `${mebibytes} MiB`);
});
