import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { RescueState } from "../../src/rescue/rescue-state.ts";
import { TargetFullError, TargetUnavailableError } from "../../src/targets/target.ts";
import { idOfNumber } from "../support/catalogs.ts";
import { idleSchedule } from "../support/idle-schedule.ts";
import { RescueWorld } from "../support/rescue-world.ts";

// A target that is full or away: what is transferred in vain, and what shows that it works again.

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

test("a target that is full for days has outputs transferred in vain only until it is noticed", async () => {
  using world = new RescueWorld(archives);
  let [isFull, transfers] = [true, 0];
  world.onProbe = () => {
    if (isFull) {
      throw new TargetFullError("No room: ENOSPC");
    }
  };
  world.onStore = () => {
    transfers += 1;
    world.onProbe(0);
  };
  assert.equal(await world.run(96), null);
  assert.ok(transfers <= 4, `${transfers} transfers`);
  isFull = false;
  assert.equal(await world.run(96), "done");
});

test("a target that only its probes find usable gets one output at a time", async () => {
  using world = new RescueWorld(archives);
  let transfers = 0;
  world.onStore = () => {
    transfers += 1;
    throw new TargetFullError("No room: EDQUOT");
  };
  assert.equal(await world.run(24), null);
  assert.ok(transfers > 10 && transfers <= 24 * 12 + 20, `${transfers} transfers`);
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

test("a large copy that takes a day keeps no small one waiting after the target was away for a moment", async () => {
  using world = new RescueWorld(archives);
  world.add(archives + 1, archives + 1, 100 * 1024 ** 3);
  let lastSmallAt = 0;
  const away = () => {
    if (world.hours < 5.3) {
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
  };
  world.onProbe = away;
  world.onStart = async ({ sizeBytes }, { signal }) => {
    if (sizeBytes > 1000) {
      await world.pause(30 * 60, signal);
      world.hasCopies = true;
      return;
    }
    away();
    lastSmallAt = world.hours;
  };
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, archives + 1);
  assert.ok(lastSmallAt < 6, `after ${lastSmallAt} hours`);
});

test("a target with no room left takes an archive that is there but for its name", async () => {
  using world = new RescueWorld(0);
  world.add(1, 1, 48 * 1024 ** 2);
  world.received.add(idOfNumber(1));
  let failures = 1;
  world.onProbe = (sizeBytes) => {
    if (sizeBytes > 0) {
      throw new TargetFullError("No room: ENOSPC");
    }
  };
  world.onStart = () => {
    if (failures > 0) {
      failures -= 1;
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
  };
  assert.equal(await world.run(24), "done");
});

test("a target with no room left gets the job of an archive that is there but for its name", async () => {
  using world = new RescueWorld(0);
  world.add(1, 1, 48 * 1024 ** 2);
  world.received.add(idOfNumber(1));
  let failures = 1;
  world.onProbe = (sizeBytes) => {
    if (sizeBytes > 0) {
      throw new TargetFullError("No room: ENOSPC");
    }
  };
  world.onFind = () => {
    if (failures > 0) {
      failures -= 1;
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
  };
  assert.equal(await world.run(24), "done");
  assert.equal(failures, 0);
  assert.equal(world.jobs.length, 1);
});

test("a target that works again wakes the loops that wait for it", async () => {
  const state = new RescueState(idleSchedule, { onEvent: () => undefined, now: () => 0 });
  state.pauseTarget(new Error("No room: ENOSPC"));
  const { signal } = new AbortController();
  const woken = state.changed.wait(null, state.changed.count, signal).then(() => "woken");
  state.targetWorks();
  assert.equal(await Promise.race([woken, nextTurn("asleep")]), "woken");
});

test("a probe that fails now and then counts against no archive", async () => {
  using world = new RescueWorld(archives);
  let probes = 0;
  world.onProbe = () => {
    probes += 1;
    if (probes % 2 === 1 && world.hours < 12) {
      throw new TargetUnavailableError("Cannot use .moraine/probe: EIO", { mayBeOfOne: true });
    }
  };
  world.onStart = () => {
    if (world.hours < 12) {
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
  };
  assert.equal(await world.run(48), "done");
  assert.deepEqual(failures(world), []);
});

test("a large output that shows nothing for a day keeps no small one from being requested and stored meanwhile", async () => {
  using world = new RescueWorld(archives);
  world.add(archives + 1, archives + 1, 1024 ** 3);
  world.startElsewhere(archives + 1);
  world.now += 5.5 * 3_600_000;
  let [failures, lastSmallAt] = [1, 0];
  world.onStart = async ({ sizeBytes }, { signal }) => {
    if (failures > 0) {
      failures -= 1;
      throw new TargetUnavailableError("Cannot use it: ENODEV");
    }
    if (sizeBytes > 1000) {
      await world.pause(35 * 60, signal);
      world.hasCopies = true;
      return;
    }
    lastSmallAt = world.hours;
  };
  assert.equal(await world.run(96), "done");
  assert.equal(world.jobs.length, archives + 1);
  assert.ok(lastSmallAt < 12, `after ${lastSmallAt} hours`);
});

test("the progress of a large copy lets no other outputs be transferred in vain again and again", async () => {
  using world = new RescueWorld(archives);
  world.add(archives + 1, archives + 1, 1024 ** 4);
  let transfers = 0;
  world.onStart = async ({ sizeBytes }, { signal, onBytes }) => {
    if (sizeBytes === 1000) {
      transfers += 1;
      return;
    }
    for (;;) {
      await world.pause(1, signal);
      onBytes(64 * 1024 ** 2);
    }
  };
  world.onAppend = () => {
    throw new TargetUnavailableError("Cannot use MANIFEST.jsonl: EACCES", { mayBeOfOne: true });
  };
  assert.equal(await world.run(24), null);
  assert.ok(transfers > 100 && transfers < 24 * 12 + 40, `${transfers} transfers`);
});

test("files that cannot be used cost a large archive nothing that is kept", async () => {
  using world = new RescueWorld(0);
  world.add(1, 1, 1024 ** 3);
  world.onStart = () => {
    throw new TargetUnavailableError("Cannot use the partial file: EACCES", { mayBeOfOne: true });
  };
  assert.equal(await world.run(24), "done");
  assert.equal(failures(world).length, 1);
  assert.deepEqual(world.abandoned, []);
});

test("large outputs that a target does not take, though probes succeed, are transferred one at a time and ever later", async () => {
  using world = new RescueWorld(0);
  world.add(1, 200, 1024 ** 3);
  let transfers = 0;
  world.onStart = async (_archive, { signal, onBytes }) => {
    transfers += 1;
    await world.pause(1, signal);
    onBytes(48 * 1024 ** 2);
    throw new TargetFullError("No room: EDQUOT");
  };
  assert.equal(await world.run(24), null);
  assert.ok(world.jobs.length < 200, "some are still to be requested");
  assert.ok(transfers > 100 && transfers < 24 * 12, `${transfers} transfers`);
});
