import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { PolicyEnforcedException } from "@moraine/client";
import { carryCosts } from "../../src/catalog/opening/carry-costs.ts";
import { builtInPrices } from "../../src/pricing/built-in-prices.ts";
import { gigabyteBytes } from "../../src/pricing/price-table.ts";
import { pricesOf } from "../../src/pricing/read-prices.ts";
import { TargetFullError } from "../../src/targets/target.ts";
import { idOfNumber } from "../support/catalogs.ts";
import { lostResponse, RescueWorld, refusal } from "../support/rescue-world.ts";

// Transfers that no job of this rescue has paid for.

const archives = 10;
/** Ten dollars for the transfer of an archive, which has 1,000 bytes. Its retrieval costs next to nothing. */
const prices = {
  ...pricesOf(builtInPrices, "us-east-1"),
  egress: [{ upToGb: null, perGb: 10 * (gigabyteBytes / 1000) }],
};
const worldWith = (costMax: number, count = archives) => new RescueWorld(count, { costMax }, prices);
const mebibyte = 1024 ** 2;
/** Ten dollars for an archive of 40 MiB. */
const pricesOfLarge = { ...prices, egress: [{ upToGb: null, perGb: 10 * (gigabyteBytes / (40 * mebibyte)) }] };
const isAbout = (amount: number, expected: number) => assert.ok(Math.abs(amount - expected) < 1, `${amount} dollars`);

function startAllElsewhere(world: RescueWorld): void {
  for (let number = 1; number <= archives; number += 1) {
    world.startElsewhere(number);
  }
}

test("the transfers of outputs that another program has asked for count for the cap", async () => {
  using world = worldWith(45);
  startAllElsewhere(world);
  assert.equal(await world.run(48), "cost-cap");
  assert.equal(world.state?.verified.archives, 4);
  isAbout(world.spent, 40);
  assert.equal(world.jobs.length, archives, "nothing else was requested");
});

test("an output that was too dear is fetched by a run with a higher cap, from the same jobs", async () => {
  using world = worldWith(45);
  startAllElsewhere(world);
  assert.equal(await world.run(12), "cost-cap");
  world.limits = { ...world.limits, costMax: 105 };
  assert.equal(await world.run(12), "done");
  assert.equal(world.state?.verified.archives, archives);
  isAbout(world.spent, 100);
  assert.equal(world.jobs.length, archives);
});

for (const [own, elsewhere] of [
  [6, 5],
  [7, 5],
  [8, 6],
] as const) {
  test(`one archive of ${own} that is too dear makes no success, when ${elsewhere} outputs of others are ready`, async () => {
    using world = worldWith(10 * own - 5, own);
    for (let number = 1; number <= elsewhere; number += 1) {
      world.startElsewhere(number);
    }
    world.now += 6 * 3_600_000;
    assert.equal(await world.run(48), "cost-cap");
  });
}

test("a manifest that cannot be written passes no cap", async () => {
  using world = worldWith(155);
  let transfers = 0;
  world.onStore = () => {
    transfers += 1;
  };
  world.onAppend = () => {
    throw new TargetFullError("No room: ENOSPC");
  };
  assert.equal(await world.run(96), "cost-cap");
  assert.ok(transfers <= 16, `${transfers} transfers`);
});

test("a request that is refused after one without a response leaves that one paid for", async () => {
  using world = worldWith(1000, 1);
  world.listLagMilliseconds = 900_000;
  let requests = 0;
  world.onInitiate = () => {
    requests += 1;
    if (requests > 1) {
      throw refusal(PolicyEnforcedException, "PolicyEnforcedException", "The policy refuses it", 400);
    }
  };
  world.onInitiated = () => {
    throw lostResponse();
  };
  assert.equal(await world.run(1), null);
  assert.equal(await world.run(48), "done");
  assert.equal(world.jobs.length, 1);
  isAbout(world.spent, 10);
});

test("an output that is there already costs no transfer", async () => {
  using world = worldWith(15);
  startAllElsewhere(world);
  world.hasCopies = true;
  assert.equal(await world.run(48), "done");
  isAbout(world.spent, 0);
});

test("transfers that have to be repeated count again, and end at the cap", async () => {
  using world = worldWith(1000, 1);
  let failures = 2;
  world.onOutput = () => {
    if (failures > 0) {
      failures -= 1;
      throw lostResponse();
    }
  };
  assert.equal(await world.run(48), "done");
  isAbout(world.spent, 30);
});

test("a target that is full while its probes are not passes no cap", async () => {
  using world = worldWith(155);
  world.onStore = () => {
    throw new TargetFullError("No room: EDQUOT");
  };
  assert.equal(await world.run(96), "cost-cap");
  assert.ok(world.spent <= 155, `${world.spent} dollars`);
});

test("bytes of a large archive that are received again count, and end at the cap", async () => {
  using world = new RescueWorld(0, { costMax: 25 }, pricesOfLarge);
  world.add(1, 1, 40 * mebibyte);
  let received = 0;
  world.onStart = (_archive, { signal, onBytes }) => {
    for (let pieces = 0; pieces < 4; pieces += 1) {
      signal.throwIfAborted();
      received += 8 * mebibyte;
      onBytes(8 * mebibyte);
    }
    signal.throwIfAborted();
    throw new TargetFullError("No room: EDQUOT");
  };
  for (let runs = 0; runs < 4; runs += 1) {
    assert.equal(await world.run(4), runs === 0 ? null : "cost-cap");
    assert.ok(world.spent <= 25, `${world.spent} dollars`);
    const usd = (10 * received) / (40 * mebibyte);
    // The piece with which an attempt finds out is not counted.
    assert.ok(usd <= 25 + 2 * (runs + 1), `${usd} dollars were received`);
  }
});

test("a catalogue that is made again counts no transfer twice whose job was paid for", async () => {
  using before = worldWith(105);
  assert.equal(await before.run(1), null);
  isAbout(before.spent, 100);
  using world = worldWith(105);
  world.jobs.push(...before.jobs);
  world.now = before.now;
  assert.ok(carryCosts(before.catalogPath, world.catalog));
  assert.equal(await world.run(48), "done");
  isAbout(world.spent, 100);
  assert.equal(world.jobs.length, archives);
});

test("a damaged catalogue that is made again carries its costs over, if they can be read", async () => {
  using before = worldWith(1000);
  assert.equal(await before.run(1), null);
  {
    using damaged = new DatabaseSync(before.catalogPath);
    damaged.exec("DROP TABLE archives; DROP TABLE facts");
  }
  using world = worldWith(1000);
  assert.ok(carryCosts(before.catalogPath, world.catalog));
  isAbout(world.spent, 100);
});

test("a large copy that ends at the cap is continued by the next run, and its transfer not paid for again", async () => {
  using world = new RescueWorld(0, { costMax: 11 }, pricesOfLarge);
  world.add(1, 1, 40 * mebibyte);
  world.onStart = (_archive, { signal, onBytes }) => {
    onBytes(48 * mebibyte);
    signal.throwIfAborted();
  };
  assert.equal(await world.run(48), "cost-cap");
  world.hasCopies = true;
  world.onStart = () => undefined;
  assert.equal(await world.run(48), "done");
  isAbout(world.spent, 10);
  assert.equal(world.jobs.length, 1);
});

test("a large copy that is too dear is not started again while a request is undecided", async () => {
  using world = new RescueWorld(0, { costMax: 11 }, pricesOfLarge);
  world.add(1, 1, 40 * mebibyte);
  world.add(2, 2, 1);
  world.onInitiate = (archiveId) => {
    if (archiveId === idOfNumber(2)) {
      throw lostResponse();
    }
  };
  let starts = 0;
  world.onStart = (_archive, { signal, onBytes }) => {
    starts += 1;
    for (let pieces = 0; pieces < 10; pieces += 1) {
      signal.throwIfAborted();
      onBytes(8 * mebibyte);
    }
  };
  await world.run(24);
  assert.ok(starts > 0 && starts <= 2, `${starts} starts`);
});

test("a catalogue that is made again counts what was received of large archives", async () => {
  using before = new RescueWorld(0, { costMax: 100 }, pricesOfLarge);
  before.add(1, 1, 40 * mebibyte);
  before.onStart = (_archive, { onBytes }) => {
    onBytes(40 * mebibyte);
    throw new Error("its tree hash is wrong");
  };
  assert.equal(await before.run(24), "done");
  isAbout(before.spent, 30);
  using world = new RescueWorld(0, { costMax: 100 }, pricesOfLarge);
  assert.ok(carryCosts(before.catalogPath, world.catalog));
  isAbout(world.spent, 30);
});

test("outputs that expire in the queue, behind slow copies, make no new job cost a second transfer", async () => {
  using world = new RescueWorld(archives, {}, prices);
  world.onStart = (_archive, { signal }) => world.pause(60, signal);
  assert.equal(await world.run(5.5), null);
  for (const job of world.jobs.slice(0, 4)) {
    job.startedAt += 20 * 3_600_000;
  }
  world.now += 24 * 3_600_000;
  world.onStart = async ({ archiveId }, { signal }) => {
    if (world.jobs.slice(0, 4).some((job) => job.archiveId === archiveId)) {
      await world.pause(90, signal);
    }
  };
  assert.equal(await world.run(96), "done");
  assert.equal(world.jobs.length, 2 * archives - 4);
  isAbout(world.spent, 10 * world.jobs.length);
});

test("no request is given up for the cap while a charge may be taken back", async () => {
  using world = worldWith(15, 2);
  world.startElsewhere(1);
  world.onStart = async ({ archiveId }, { signal }) => {
    world.hasCopies = archiveId === idOfNumber(1);
    if (world.hasCopies) {
      await world.pause(10, signal);
    }
  };
  world.now += 6 * 3_600_000;
  assert.equal(await world.run(48), "done");
  isAbout(world.spent, 10);
});

test("many outputs that are too dear end the run at once", async () => {
  const count = 200;
  using world = worldWith(15, count);
  for (let number = 1; number <= count; number += 1) {
    world.startElsewhere(number);
  }
  world.now += 6 * 3_600_000;
  const began = world.hours;
  assert.equal(await world.run(48), "cost-cap");
  assert.ok(world.hours - began < 0.5, `${world.hours - began} hours`);
});

test("a job whose response was lost, and which is listed late, is paid for once", async () => {
  using world = worldWith(15, 1);
  world.listLagMilliseconds = 600_000;
  let losses = 1;
  world.onInitiated = () => {
    if (losses > 0) {
      losses -= 1;
      throw lostResponse();
    }
  };
  for (let runs = 0; world.state?.verified.archives !== 1 && runs < 4; runs += 1) {
    await world.run(6);
    world.now += 3_600_000;
  }
  assert.equal(world.state?.verified.archives, 1);
  assert.equal(world.jobs.length, 1);
  isAbout(world.spent, 10);
});
