import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { RescueRig } from "./support/rescue-rig.ts";
import { memoryFolder } from "./support/temporary-folder.ts";

// A rescue from a server with AWS's delays, whose responses are disturbed on purpose, and whose clock the test moves.

const archives = 60;

let rig: RescueRig;
before(async () => {
  const flags = ["--profile", "aws", "--clock", "manual", "--allow-faults", "--fault-seed", "3"];
  rig = await RescueRig.start({ archives, seed: 21, flags, largeBytes: [35 * 1024 ** 2], parent: memoryFolder });
  await rig.advance(26); // AWS makes a vault's first inventory within a day.
});
after(() => rig[Symbol.asyncDispose]());

test("without an inventory, a run that is not to wait starts one, and exits 75", async () => {
  for (const _ of ["it is started", "it is in progress"]) {
    const { code, stderr } = await rig.rescue(["--once"]);
    assert.equal(code, 75, stderr);
  }
  await rig.advance(12);
});

test("a run that is not to wait requests jobs, exits 75, and the next one does not request them again", async () => {
  const { code, stderr } = await rig.rescue(["--once", "--tier", "Standard"]);
  assert.equal(code, 75, stderr);
  assert.match(stderr, /jobs are in progress: run the same command again later/);
  assert.equal(await rig.jobCount(), archives + 1);
  assert.equal((await rig.rescue(["--once"])).code, 75);
  assert.equal(await rig.jobCount(), archives + 1);
});

test("outputs that have expired before they were fetched are requested again", async () => {
  await rig.advance(12);
  await rig.jobsCompleted();
  await rig.advance(30);
  assert.equal((await rig.rescue(["--once"])).code, 75);
  assert.equal(await rig.jobCount(), archives + 1, "the expired jobs are in no list");
});

test("throttling, errors, wrong hashes, expired jobs and broken connections are survived, kills included", async () => {
  const rules = [
    { Mode: "throttle", Rate: 0.05 },
    { Mode: "unavailable", Rate: 0.05 },
    { Mode: "reset", Operation: "InitiateJob", Rate: 0.05 },
    { Mode: "reset", Operation: "GetJobOutput", Rate: 0.1, Bytes: 700 },
    { Mode: "wrong-checksum", Operation: "GetJobOutput", Rate: 0.05 },
    { Mode: "corrupt-byte", Operation: "GetJobOutput", Rate: 0.05 },
    { Mode: "expired-job", Operation: "GetJobOutput", Rate: 0.02 },
  ];
  const catalog = join(rig.folder, "catalog.sqlite");
  await rig.readyInventory(["--catalog", catalog]);
  await rig.advance(24); // Outputs of the jobs before expire.
  for (const rule of rules) {
    await rig.putFault(rule);
  }
  using clock = rig.driveClock(catalog);
  const flags = ["--catalog", catalog, "--tier", "Standard"];
  await rig.killedAfter(2500, flags);
  await rig.killedAfter(3500, flags);
  const { code, stderr } = await rig.rescue(flags);
  assert.equal(code, 0, stderr);
  await rig.http.admin("DELETE", "/faults");
  await rig.assertRescued();
  assert.ok(clock.hours >= 1, "jobs were waited for");
});
