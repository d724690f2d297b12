import assert from "node:assert/strict";
import { test } from "node:test";
import { TargetFullError, TargetUnavailableError } from "../../src/targets/target.ts";
import { idOfNumber } from "../support/catalogs.ts";
import { lostResponse, RescueWorld } from "../support/rescue-world.ts";

// Troubles of a service or a target that last for days: what they cost, and whether the rest is rescued.

const archives = 10;
const failures = ({ events }: RescueWorld) => events.filter((event) => event.kind === "archive-failed" && event.final);

test("a target that is full for days is paid for once more at most", async () => {
  using world = new RescueWorld(archives);
  const full = () => {
    if (world.hours < 96) {
      throw new TargetFullError("No room: ENOSPC");
    }
  };
  world.onStore = full;
  world.onProbe = full;
  assert.equal(await world.run(240), "done");
  assert.equal(world.jobs.length, 2 * archives);
  assert.deepEqual(failures(world), []);
});

test("a target that is away for days is paid for once more at most, though the first to notice is the look for copies", async () => {
  using world = new RescueWorld(archives);
  const away = () => {
    if (world.hours < 96) {
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
  };
  world.onFind = away;
  world.onStore = away;
  world.onProbe = away;
  assert.equal(await world.run(240), "done");
  assert.equal(world.jobs.length, archives);
  assert.deepEqual(failures(world), []);
});

test("an output that always breaks is given up, and does not keep the rescue for ever", async () => {
  using world = new RescueWorld(archives);
  const broken = idOfNumber(3);
  world.onOutput = (archiveId) => {
    if (archiveId === broken) {
      throw lostResponse();
    }
  };
  assert.equal(await world.run(24 * 14), "done");
  assert.equal(world.state?.verified.archives, archives - 1);
  assert.equal(failures(world).length, 1);
  assert.ok(world.jobsOf(broken) <= 5, `${world.jobsOf(broken)} jobs`);
});

test("an outage of the service for a day gives no archive up", async () => {
  using world = new RescueWorld(archives);
  world.onOutput = () => {
    if (world.hours < 20) {
      throw lostResponse();
    }
  };
  assert.equal(await world.run(240), "done");
  assert.equal(world.state?.verified.archives, archives);
  assert.equal(world.jobs.length, archives);
});

test("one file that cannot be read at the target gives up its archive alone", async () => {
  using world = new RescueWorld(archives);
  world.onFind = ({ path }) => {
    if (path === "file 3.txt") {
      throw new TargetUnavailableError("Cannot use file 3.txt: EACCES", { mayBeOfOne: true });
    }
  };
  world.onStore = ({ path }) => {
    if (path === "file 4.txt") {
      throw new TargetUnavailableError("Cannot use file 4.txt: EIO", { mayBeOfOne: true });
    }
  };
  assert.equal(await world.run(48), "done");
  assert.equal(world.state?.verified.archives, archives - 2);
  assert.equal(world.jobs.length, archives - 1);
  assert.equal(failures(world).length, 2);
});

test("jobs that are not listed yet are not started again after a kill", async () => {
  using world = new RescueWorld(archives);
  world.listLagMilliseconds = 90_000;
  assert.equal(await world.run(0.01), null);
  assert.equal(world.jobs.length, archives);
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, archives);
  assert.equal(world.state?.verified.archives, archives);
});

test("a job that exists although its response was lost is found once it is listed", async () => {
  using world = new RescueWorld(archives);
  world.listLagMilliseconds = 90_000;
  world.onInitiated = ({ id }) => {
    if (id === "job 2") {
      throw lostResponse();
    }
  };
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, archives);
  assert.equal(world.state?.verified.archives, archives);
});

test("a job that a list of those in progress lacks is not fetched again and again until it has ended", async () => {
  using world = new RescueWorld(3 * archives);
  assert.equal(await world.run(48), "done");
  // Those in progress are listed when there are more others.
  world.add(3 * archives + 1, 5 * archives);
  world.listLagMilliseconds = 10 * 60_000;
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, 5 * archives);
  assert.ok(world.prematureFetches <= 20 * archives, `${world.prematureFetches} requests for outputs`);
});
