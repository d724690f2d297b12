import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { asRoot } from "../support/command.ts";
import { sha256Of } from "../support/content.ts";
import { type Engine, missingEngine, startEngine } from "../support/engines/engine.ts";
import { lookInto } from "../support/engines/s3-keys.ts";
import { type S3Place, s3Place } from "../support/engines/s3-place.ts";
import { Random } from "../support/random.ts";
import { jobsOf, manifestOf, RescueRig } from "../support/rescue-rig.ts";
import { endingOf, within } from "../support/server-process.ts";

// A whole vault, rescued into a bucket of Ceph, through faults and kills. RESCUE_ARCHIVES and RESCUE_KILLS say how large and how many;
// RESCUE_SEED repeats a run.

const archives = Number(process.env["RESCUE_ARCHIVES"] ?? 100);
const kills = Number(process.env["RESCUE_KILLS"] ?? 5);
const seed = Number(process.env["RESCUE_SEED"] ?? 1);
const mebibyte = 1024 ** 2;
const memoryMebibytesMax = 256;
const secondsMax = 4 * 3600;
const readsAtOnce = 8;

const rules = [
  { Mode: "throttle", Operation: "InitiateJob", Rate: 0.01 },
  { Mode: "unavailable", Rate: 0.01 },
  { Mode: "reset", Operation: "GetJobOutput", Rate: 0.02, Bytes: 700 },
  { Mode: "corrupt-byte", Operation: "GetJobOutput", Rate: 0.02 },
  { Mode: "expired-job", Operation: "GetJobOutput", Rate: 0.005 },
];

describe("a rescue into a bucket", { skip: missingEngine("ceph") }, () => {
  let engine: Engine;
  let place: S3Place;
  let rig: RescueRig;
  before(async () => {
    engine = await startEngine("ceph");
    place = s3Place(engine);
    const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "" } = place.environment;
    rig = await RescueRig.start({
      ...{ archives, seed, largeBytes: [40 * mebibyte + 1], target: place.url },
      flags: ["--profile", "aws", "--clock", "manual", "--allow-faults", "--fault-seed", String(seed)],
      environment: {
        MORAINE_TARGET_ACCESS_KEY_ID: AWS_ACCESS_KEY_ID,
        MORAINE_TARGET_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY,
      },
    });
  });
  after(async () => {
    await rig?.[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  test(`${archives} archives are rescued through faults and ${kills} kills, with at most 1.05 jobs for each`, async (t) => {
    const catalog = join(rig.folder, "catalog.sqlite");
    await rig.readyInventory(["--catalog", catalog]);
    for (const rule of rules) {
      await rig.putFault(rule);
    }
    const flags = ["--catalog", catalog, "--tier", "Standard"];
    const random = new Random(seed);
    const began = performance.now();
    using clock = rig.driveClock(catalog);
    const { killed, mebibytes } = await rig.rescueThroughKills({ kills, random, secondsMax }, flags);
    await rig.http.admin("DELETE", "/faults");
    const jobs = jobsOf(catalog).all;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    t.diagnostic(
      `${rig.contents.size} archives, ${killed} kills, ${jobs} jobs, ${clock.hours} h by the clock, ${seconds} s, at most ${mebibytes} MiB`,
    );
    assert.ok(mebibytes <= memoryMebibytesMax, `${mebibytes} MiB`);
    assert.ok(jobs <= 1.05 * rig.contents.size + 1, `${jobs} jobs`);
  });

  test("the bucket has each archive once, as the manifest says, and nothing else", async () => {
    const bucket = lookInto(place, place.endpoint);
    const entries = manifestOf((await bucket.read("MANIFEST.jsonl")).toString());
    assert.equal(entries.length, rig.contents.size);
    assert.deepEqual(new Set(entries.map(({ archiveId }) => archiveId)), new Set(rig.contents.keys()));
    const keys = new Set(entries.map(({ path, location = path }) => location));
    assert.equal(keys.size, entries.length, "no two archives share an object");
    const isDocument = (key: string) => key.startsWith(".moraine/") || key === "MANIFEST.jsonl" || key === "SHA256SUMS";
    assert.deepEqual(new Set((await bucket.keys()).filter((key) => !isDocument(key))), keys);
    assert.deepEqual(await bucket.unfinished(), []);
    const rest = entries.values();
    const readAll = async () => {
      for (const { archiveId, path, location = path, sha256 } of rest) {
        assert.equal(sha256Of(await bucket.read(location)), sha256, location);
        assert.equal(sha256, rig.contents.get(archiveId), location);
      }
    };
    await Promise.all(Array.from({ length: readsAtOnce }, readAll));
    bucket.close();
  });

  test("the check agrees, and finds an object that was changed", async () => {
    const check = () => {
      const child = rig.shell.start(["rescue", "--check", rig.target], { environment: asRoot });
      child.stdin?.end();
      return within(secondsMax * 1000, endingOf(child), "moraine rescue --check");
    };
    const sound = await check();
    assert.equal(sound.code, 0, sound.stdout + sound.stderr);
    const bucket = lookInto(place, place.endpoint);
    const [first] = manifestOf((await bucket.read("MANIFEST.jsonl")).toString());
    await bucket.put(first?.location ?? first?.path ?? "", "something else");
    bucket.close();
    const { code, stdout } = await check();
    assert.equal(code, 4);
    assert.match(stdout, /^changed +/m);
  });
});
