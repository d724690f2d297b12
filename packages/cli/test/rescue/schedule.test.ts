import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../../../test/support/random.ts";
import {
  bytesWithin,
  counted,
  emptyHour,
  fitsAt,
  hourFromText,
  hourToText,
} from "../../src/rescue/schedule/hourly-window.ts";
import {
  accepted,
  decide,
  refused,
  requestingAtFirst,
  type ScheduleLimits,
} from "../../src/rescue/schedule/schedule.ts";
import { assumedSpeed, learned, secondsFor, speedAtFirst } from "../../src/rescue/schedule/speed.ts";
import { archiveOfNumber } from "../support/catalogs.ts";
import { idleSchedule } from "../support/idle-schedule.ts";
import { RescueWorld } from "../support/rescue-world.ts";
import { VirtualRescue, type VirtualWorld } from "../support/virtual-rescue.ts";

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;
const limits: ScheduleLimits = { tier: "Standard", fallbackTier: null, retrievalBytesPerHour: null, costMax: null };

function worldOf(given: Partial<VirtualWorld> & { readonly seed: number }): VirtualWorld {
  const random = new Random(given.seed);
  return {
    archives: 500,
    bytesOf: () => 10 * mebibyte,
    limits,
    line: () => ({ bytesPerSecond: 4 * mebibyte, secondsPerArchive: 0.02 }),
    latencySeconds: { Expedited: [60, 300], Standard: [3 * 3600, 5 * 3600], Bulk: [5 * 3600, 12 * 3600] },
    usdPerJob: 0.00005,
    usdPerByte: 0.01 / gibibyte,
    requestsPerSecondMax: 100,
    refusesAt: () => null,
    random: () => random.fraction(),
    ...given,
  };
}

const worlds = fc.record({
  seed: fc.integer(),
  archives: fc.integer({ min: 1, max: 3000 }),
  sizes: fc.array(fc.integer({ min: 1, max: 2 ** 31 }), { minLength: 1, maxLength: 20 }),
  bytesPerSecond: fc.integer({ min: 50_000, max: 200_000_000 }),
  secondsPerArchive: fc.double({ min: 0.001, max: 2, noNaN: true }),
  tier: fc.constantFrom("Expedited", "Standard", "Bulk"),
  fallbackTier: fc.constantFrom(null, "Standard" as const),
  retrievalBytesPerHour: fc.option(fc.integer({ min: 2 ** 28, max: 2 ** 40 })),
  costMax: fc.option(fc.double({ min: 0, max: 20, noNaN: true })),
  requestsPerSecondMax: fc.integer({ min: 1, max: 200 }),
  /** The share of each hour in which the service refuses. */
  refusing: fc.double({ min: 0, max: 0.9, noNaN: true }),
  refusal: fc.constantFrom("policy" as const, "capacity" as const),
});

test("no cap is passed, and everything ends, for any service, line and archives", () => {
  fc.assert(
    fc.property(worlds, (given) => {
      const { sizes, bytesPerSecond, secondsPerArchive, tier, fallbackTier, retrievalBytesPerHour, costMax } = given;
      const report = new VirtualRescue(
        worldOf({
          ...given,
          bytesOf: (index) => sizes[index % sizes.length] ?? 1,
          limits: { tier, fallbackTier, retrievalBytesPerHour, costMax } as ScheduleLimits,
          line: () => ({ bytesPerSecond, secondsPerArchive }),
          refusesAt: (seconds) => ((seconds / 3600) % 1 < given.refusing ? given.refusal : null),
        }),
      ).run();
      assert.ok(report.hourBytesMost <= (retrievalBytesPerHour ?? Number.POSITIVE_INFINITY), "bytes of an hour");
      assert.ok(report.spentUsd <= (costMax ?? Number.POSITIVE_INFINITY), "costs");
      assert.ok(report.isCapped || report.fetched + report.tooLarge === given.archives, "all are fetched");
      assert.equal(report.jobs, report.fetched + report.expired, "each job is fetched, or expires");
    }),
    { numRuns: 150 },
  );
});

test("a line that keeps its speed needs one job for each archive, and has work nearly all the time", () => {
  const lines = fc.record({
    seed: fc.integer(),
    megabytes: fc.integer({ min: 1, max: 200 }),
    bytesPerSecond: fc.integer({ min: 100_000, max: 100_000_000 }),
    tier: fc.constantFrom("Standard" as const, "Bulk" as const),
  });
  fc.assert(
    fc.property(lines, ({ seed, megabytes, bytesPerSecond, tier }) => {
      const bytes = megabytes * 1_000_000;
      const line = { bytesPerSecond, secondsPerArchive: 0.01 };
      // Ten days of work: the first hours are spent on learning the line's speed.
      const archives = Math.ceil((10 * 86_400) / (bytes / bytesPerSecond + 0.01));
      fc.pre(archives < 60_000);
      const world = worldOf({ seed, archives, bytesOf: () => bytes, line: () => line, limits: { ...limits, tier } });
      const report = new VirtualRescue(world).run();
      assert.ok(report.jobs <= 1.05 * archives, `${report.jobs} jobs for ${archives} archives`);
      assert.ok(report.lineBusy > 0.8, `the line had work for ${report.lineBusy} of the time`);
    }),
    { numRuns: 25 },
  );
});

for (const [tier, delayHours, gibibytes] of [
  ["Bulk", 12, 100],
  ["Bulk", 12, 1000],
  ["Standard", 5, 100],
] as const) {
  test(`${gibibytes} GiB by ${tier} take the tier's delay once with the bandwidth given, and twice without`, () => {
    const bytesPerSecond = 12 * mebibyte;
    const hoursWith = (bandwidthBytesPerSecond: number | null) => {
      const world = worldOf({
        ...{ seed: 5, archives: gibibytes * 10, bytesOf: () => gibibyte / 10, bandwidthBytesPerSecond },
        limits: { ...limits, tier },
        line: () => ({ bytesPerSecond, secondsPerArchive: 0.002 }),
        latencySeconds: { Expedited: [300, 300], Standard: [5 * 3600, 5 * 3600], Bulk: [12 * 3600, 12 * 3600] },
      });
      const { days, expired } = new VirtualRescue(world).run();
      assert.equal(expired, 0);
      return days * 24;
    };
    const once = delayHours + (gibibytes * gibibyte) / bytesPerSecond / 3600;
    const [given, unknown] = [hoursWith(bytesPerSecond), hoursWith(null)];
    assert.ok(Math.abs(given - once) < 0.1, `${given} hours, expected ${once}`);
    assert.ok(Math.abs(unknown - once - delayHours) < 0.2, `${unknown} hours, expected ${once + delayHours}`);
  });
}

test("the bandwidth that the user gives decides the first batch, until the speed is measured", async () => {
  const jobsAtFirst = async (bandwidthBytesPerSecond: number | null, measured?: number) => {
    using world = new RescueWorld(0);
    for (let number = 1; number <= 20; number += 1) {
      world.catalog.archives.addUploaded(archiveOfNumber(number, { sizeBytes: gibibyte }));
    }
    if (measured !== undefined) {
      world.catalog.facts.set("rescue-speed", JSON.stringify(speedAtFirst(measured)));
    }
    world.bandwidthBytesPerSecond = bandwidthBytesPerSecond;
    await world.run(1);
    return world.jobs.length;
  };
  assert.equal(await jobsAtFirst(null), 6, "as many as 128 KiB/s fetch in 14.4 hours");
  assert.equal(await jobsAtFirst(256 * 1024), 12);
  assert.equal(await jobsAtFirst(12 * mebibyte), 20);
  assert.equal(await jobsAtFirst(12 * mebibyte, 128 * 1024), 6);
});

test("a line that becomes ten times slower costs renewals, and ends", () => {
  const line = (seconds: number) => ({
    bytesPerSecond: seconds < 86_400 ? 10 * mebibyte : mebibyte,
    secondsPerArchive: 0.02,
  });
  const report = new VirtualRescue(worldOf({ seed: 1, archives: 50_000, bytesOf: () => 40 * mebibyte, line })).run();
  assert.equal(report.fetched, 50_000);
  assert.ok(report.expired > 0 && report.jobs <= 1.6 * 50_000, `${report.jobs} jobs`);
});

test("an archive that takes longer than an output lasts is fetched by several jobs, while small ones are not starved", () => {
  const bytesOf = (index: number) => (index === 50 ? 1000 * gibibyte : 10 * mebibyte);
  const report = new VirtualRescue(worldOf({ seed: 2, bytesOf })).run();
  assert.equal(report.fetched, 500);
  assert.ok(report.jobs <= 500 + 8, `${report.jobs} jobs`);
});

test("the rate of requests stays below the service's limit once that is found", () => {
  const world = worldOf({ seed: 3, archives: 20_000, bytesOf: () => 1000, requestsPerSecondMax: 5 });
  const report = new VirtualRescue(world).run();
  assert.equal(report.fetched, 20_000);
  assert.ok(report.throttled < report.jobs / 2, `${report.throttled} throttled`);
});

test("without capacity in a tier, another is used only if that is allowed", () => {
  const refusesAt = (seconds: number, tier: string) =>
    tier === "Expedited" && seconds < 7200 ? ("capacity" as const) : null;
  const expedited = { ...limits, tier: "Expedited" as const };
  const waiting = new VirtualRescue(worldOf({ seed: 4, archives: 10, refusesAt, limits: expedited })).run();
  assert.ok(waiting.days * 24 > 2 && waiting.days * 24 < 3, `${waiting.days * 24} hours`);
  const other = { ...expedited, fallbackTier: "Bulk" as const };
  const bulk = new VirtualRescue(worldOf({ seed: 4, archives: 10, refusesAt, limits: other })).run();
  assert.ok(bulk.days * 24 > 5, `${bulk.days * 24} hours`);
});

test("refusals are waited out for longer each time, and forgotten with the next job", () => {
  const candidate = { bytes: 1, usd: { Expedited: 0, Standard: 0, Bulk: 0 } };
  const first = refused(idleSchedule, limits, "policy", { refusals: 1, now: 1000 });
  assert.deepEqual(decide(first, limits, candidate, 1000), { kind: "wait", reason: "policy", until: 61_000 });
  const third = refused(first, limits, "policy", { refusals: 3, now: 61_000 });
  assert.deepEqual(decide(third, limits, candidate, 61_000), { kind: "wait", reason: "policy", until: 301_000 });
  assert.deepEqual(decide(third, limits, candidate, 301_000), { kind: "request", tier: "Standard" });
  assert.equal(accepted(third).refusal, null);
  const throttled = refused(idleSchedule, limits, "throttled", { refusals: 1, now: 0 });
  assert.equal(throttled.requestingMax, requestingAtFirst / 2);
  assert.ok(accepted(throttled).requestingMax > throttled.requestingMax);
  const busy = { ...throttled, refusedUntil: 0, requesting: requestingAtFirst / 2 };
  assert.deepEqual(decide(busy, limits, candidate, 0), { kind: "wait", reason: "requesting", until: null });
});

test("an hour counts all bytes of any 3,600 seconds", () => {
  const requests = fc.array(fc.tuple(fc.integer({ min: 0, max: 600_000 }), fc.integer({ min: 0, max: 1000 })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(requests, (given) => {
      let [window, now] = [emptyHour, 1_700_000_000_000];
      const sent: [number, number][] = [];
      for (const [pause, bytes] of given) {
        now += pause;
        window = counted(window, bytes, now);
        sent.push([now, bytes]);
        const true_ = sent.reduce((sum, [at, each]) => (at > now - 3_600_000 ? sum + each : sum), 0);
        assert.ok(bytesWithin(window, now) >= true_);
        assert.equal(bytesWithin(hourFromText(hourToText(window), now), now), bytesWithin(window, now));
        const at = fitsAt(window, 500, 1500, now) ?? Number.NaN;
        assert.ok(at >= now && at <= now + 61 * 60_000 && bytesWithin(window, at) + 500 <= 1500);
      }
    }),
  );
  assert.equal(fitsAt(emptyHour, 11, 10, 0), null);
  assert.deepEqual(hourFromText("{", 0), emptyHour);
  assert.equal(bytesWithin(hourFromText("[[99999999999,7]]", 120_000), 120_000), 7);
});

test("the speed is learned from small archives and large ones, apart", () => {
  let speed = assumedSpeed;
  const [small, large] = [
    { archives: 500, bytes: 500_000 },
    { archives: 1, bytes: 100_000_000 },
  ];
  for (let turn = 0; turn < 60; turn += 1) {
    speed = learned(speed, small, 10);
    speed = learned(speed, large, 10);
  }
  for (const work of [small, large]) {
    assert.ok(Math.abs(secondsFor(speed, work) - 10) < 1, `${secondsFor(speed, work)} s`);
  }
  const known = speed;
  for (let turn = 0; turn < 100; turn += 1) {
    speed = learned(speed, small, 10);
  }
  assert.ok(
    Math.abs(secondsFor(speed, large) - secondsFor(known, large)) < 1,
    "small archives say nothing about the line",
  );
});
