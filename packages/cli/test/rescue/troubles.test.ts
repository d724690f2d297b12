import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { GlacierServiceError } from "@moraine/client";
import { CatalogError } from "../../src/catalog/catalog-error.ts";
import { TargetFullError, TargetUnavailableError } from "../../src/targets/target.ts";
import { idOfNumber } from "../support/catalogs.ts";
import { lostResponse, RescueWorld, refusal } from "../support/rescue-world.ts";

// Troubles of a service or a target that last for days: what they cost, and whether the rest is rescued.

const archives = 10;
const failures = ({ events }: RescueWorld) => events.filter((event) => event.kind === "archive-failed" && event.final);

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

test("outputs that have all expired while no process ran are requested again, and the rescue waits for them", async () => {
  using world = new RescueWorld(archives);
  world.onStart = () => {
    throw new TargetFullError("No room: ENOSPC");
  };
  assert.equal(await world.run(12), null);
  world.now += 40 * 3_600_000;
  world.onStart = () => undefined;
  assert.equal(await world.run(48), "done");
  assert.equal(world.state?.verified.archives, archives);
  assert.equal(world.jobs.length, 2 * archives);
});

test("files that cannot be read after the target was away do not keep it doubted", async () => {
  using world = new RescueWorld(archives);
  const away = () => {
    if (world.hours < 6) {
      throw new TargetUnavailableError("Cannot use it: EIO", { mayBeOfOne: true });
    }
  };
  world.onProbe = away;
  world.onStart = ({ path }) => {
    away();
    throw new TargetUnavailableError(`Cannot use ${path}: EACCES`, { mayBeOfOne: true });
  };
  assert.equal(await world.run(20), "done");
  assert.equal(world.state?.failed.archives, archives);
  assert.equal(world.jobs.length, archives);
});

test("a rescue whose last archives are given up while the target is doubted ends", async () => {
  using world = new RescueWorld(1);
  world.onStart = () => {
    if (world.hours < 7) {
      throw new TargetFullError("No room: ENOSPC");
    }
    throw new Error("it is refused");
  };
  // The next run meets the trouble before it has listed the jobs.
  assert.equal(await world.run(6), null);
  assert.equal(await world.run(48), "done");
  assert.equal(world.state?.failed.archives, 1);
});

test("an archive whose jobs the service cannot start is given up, its charges are taken back, and the others are rescued", async () => {
  using world = new RescueWorld(archives);
  world.onInitiate = (archiveId) => {
    if (archiveId === idOfNumber(3)) {
      throw refusal(GlacierServiceError, "InternalFailure", "We encountered an internal error", 500);
    }
  };
  assert.equal(await world.run(24 * 7), "done");
  assert.equal(world.state?.verified.archives, archives - 1);
  assert.equal(failures(world).length, 1);
  assert.equal(world.catalog.costs.get("jobs Bulk"), archives - 1);
});

test("a manifest that cannot be written stops requests, and gives no archive up", async () => {
  using world = new RescueWorld(archives);
  world.onAppend = () => {
    if (world.hours < 20) {
      throw new TargetUnavailableError("Cannot use MANIFEST.jsonl: EACCES", { mayBeOfOne: true });
    }
  };
  assert.equal(await world.run(48), "done");
  assert.equal(world.state?.verified.archives, archives);
  assert.equal(world.jobs.length, archives);
});

test("an outage with a request without a response is not asked about without a pause", async () => {
  using world = new RescueWorld(archives);
  let isOut = false;
  world.onInitiated = ({ id }) => {
    isOut ||= id === "job 2";
    if (isOut) {
      throw lostResponse();
    }
  };
  world.onList = () => {
    if (isOut && world.hours < 48) {
      throw lostResponse();
    }
    isOut = false;
  };
  assert.equal(await world.run(24 * 7), "done");
  assert.equal(world.state?.verified.archives, archives);
  assert.ok(world.lists < 1000, `${world.lists} lists`);
});

test("an outage of requests for jobs gives no archive up, and leaves few of them in doubt", async () => {
  using world = new RescueWorld(300);
  world.onInitiate = () => {
    if (world.hours < 6) {
      throw lostResponse();
    }
  };
  let uncertain = 0;
  world.onList = () => {
    uncertain = Math.max(uncertain, world.state?.uncertain.size ?? 0);
  };
  assert.equal(await world.run(24 * 7), "done");
  assert.equal(world.state?.verified.archives, 300);
  assert.ok(uncertain <= 64, `${uncertain} archives`);
});

test("several outages, days apart, give no archive up", async () => {
  using world = new RescueWorld(2 * archives, { retrievalBytesPerHour: 2000 });
  world.onInitiate = () => {
    if (world.hours % 3 < 0.5) {
      throw lostResponse();
    }
  };
  assert.equal(await world.run(24 * 14), "done");
  assert.equal(world.state?.verified.archives, 2 * archives);
});

test("jobs whose requests had no response before a kill are not paid for again, though lists show them late", async () => {
  using world = new RescueWorld(archives);
  world.listLagMilliseconds = 110_000;
  world.hasNoResponses = true;
  assert.equal(await world.run(0.01), null);
  const before = world.jobs.length;
  assert.ok(before > 0);
  world.hasNoResponses = false;
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, archives);
  assert.deepEqual(world.catalog.requests.all(), new Map());
});

test("requests that a killed run has not sent are not paid for", async () => {
  using world = new RescueWorld(archives);
  const { costs, requests } = world.catalog;
  costs.add("jobs Bulk", 2);
  costs.add("bytes Bulk", 2000);
  requests.add(1, { tier: "Bulk", sentAt: null });
  requests.add(2, { tier: "Bulk", sentAt: null });
  assert.equal(await world.run(48), "done");
  assert.deepEqual([costs.get("jobs Bulk"), costs.get("bytes Bulk")], [archives, archives * 1000]);
});

test("a job that cannot be recorded ends the run, stays paid for, and is found by the next", async () => {
  using world = new RescueWorld(archives);
  world.listLagMilliseconds = 110_000;
  mock.method(world.catalog.jobs, "requested", () => {
    throw new CatalogError("The catalogue cannot be used: disk full");
  });
  await assert.rejects(world.run(1), /disk full/);
  mock.restoreAll();
  assert.equal(world.catalog.costs.get("jobs Bulk"), world.jobs.length);
  assert.equal(await world.run(48), "done");
  assert.deepEqual([world.jobs.length, world.catalog.costs.get("jobs Bulk")], [archives, archives]);
});

test("a large archive whose bytes are wrong each time is given up", async () => {
  using world = new RescueWorld(0);
  world.add(1, 1, 1024 ** 3);
  let attempts = 0;
  world.onStart = (_archive, { onBytes }) => {
    attempts += 1;
    onBytes(1024 ** 3);
    throw new Error("its tree hash is wrong");
  };
  assert.equal(await world.run(48), "done");
  assert.equal(failures(world).length, 1);
  assert.equal(attempts, 3);
  assert.equal(world.abandoned.length, 1);
});

test("an outage that begins with a broken output ends no run", async () => {
  using world = new RescueWorld(archives);
  let began = false;
  const isOut = () => began && world.hours < 8;
  world.onStore = () => {
    began = true;
    if (isOut()) {
      throw new Error("The output has other bytes than its checksum says");
    }
  };
  world.onDescribe = () => {
    if (isOut()) {
      throw lostResponse();
    }
  };
  assert.equal(await world.run(48), "done");
  assert.equal(world.state?.verified.archives, archives);
});
