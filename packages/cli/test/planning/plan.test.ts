import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { durationInWords } from "../../src/planning/amounts-in-words.ts";
import { durationOf } from "../../src/planning/duration.ts";
import { makePlan, type PlanOptions } from "../../src/planning/plan.ts";
import { countsOf } from "../../src/planning/plan-of-vault.ts";
import { planText } from "../../src/planning/plan-text.ts";
import { SizeSteps } from "../../src/planning/size-steps.ts";
import { noRoom, plusUpload } from "../../src/planning/target-plan.ts";
import { roomOf } from "../../src/planning/target-space.ts";
import type { VaultStatistics } from "../../src/planning/vault-statistics.ts";
import { builtInPrices } from "../../src/pricing/built-in-prices.ts";

const gibibyte = 1024 ** 3;
const options: PlanOptions = {
  vaultName: "photos",
  isAws: true,
  region: "us-east-1",
  prices: builtInPrices,
  rates: { bandwidth: 10 * 1024 ** 2, retrievalPerHour: null },
  target: null,
};

function contentsOf(...sizes: readonly number[]): VaultStatistics {
  const steps = new SizeSteps();
  for (const size of sizes) {
    steps.add(size);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  return {
    asOf: new Date("2026-11-30T00:00:00Z"),
    archives: sizes.length,
    bytes,
    details: {
      sizes: steps.steps(),
      largestBytes: steps.largestBytes,
      names: {
        formats: [{ format: "mt2", archives: sizes.length }],
        decisions: [{ kind: "unsafe", archives: 1, examples: ["../\u001b[31mx"] }],
      },
      early: { archives: 1, missingByteDays: gibibyte * 30 },
      overHourlyLimit: { archives: 0, bytes: 0 },
      bytesInBlocks: sizes.reduce((sum, size) => sum + Math.ceil(size / 4096) * 4096, 0),
      uploads: sizes.reduce(plusUpload, { inOneRequest: 0, inParts: 0, parts: 0 }),
    },
  };
}

test("sums retrieval, transfer and the target's requests for each tier", () => {
  const target = { url: "s3://bucket/photos", kind: "s3", ...noRoom } as const;
  const plan = makePlan(contentsOf(200 * gibibyte, 1), { ...options, target });
  const standard = plan.tiers.find(({ tier }) => tier === "Standard");
  assert.equal(plan.egressUsd?.toFixed(4), (100 * 0.09).toFixed(4));
  const [puts, heads] = [200 * 32 + 4 + 1, 5 + 3];
  assert.equal(plan.target?.requests, puts + heads);
  assert.equal(plan.target?.fits, null);
  const expected = 200 * 0.01 + 0.0001 + 9 + (puts / 1000) * 0.005 + (heads / 1000) * 0.0004;
  assert.equal(standard?.totalUsd?.toFixed(6), expected.toFixed(6));
  assert.equal(plan.earlyDeletionUsd?.toFixed(6), "0.003600");
  assert.deepEqual(Object.keys(plan.prices.regions), ["us-east-1"]);
});

test("the transfer is spread over its months when the bandwidth is known", () => {
  const bytes = 200 * 1024 * gibibyte;
  const at = (bandwidth: number | null) =>
    makePlan(contentsOf(bytes), { ...options, rates: { bandwidth, retrievalPerHour: null } });
  const [slow, fast, unknown] = [at(12 * 1024 ** 2), at(1024 ** 3), at(null)];
  assert.deepEqual(
    [slow, fast, unknown].map(({ egressUsd, egressMonths }) => [Math.round(egressUsd ?? 0), egressMonths]),
    [
      [17_703, 7],
      [14_122, 1],
      [14_122, null],
    ],
  );
  const bulk = slow.tiers.find(({ tier }) => tier === "Bulk");
  assert.equal(bulk?.totalUsd, (bulk?.requestsUsd ?? 0) + (bulk?.bytesUsd ?? 0) + (slow.egressUsd ?? 0));
  assert.match(planText(slow, 80), /^in each total: \$17,703\.\d+ for the transfer to the internet over 7 months$/m);
  assert.match(planText(fast, 80), /^in each total: \$14,122\.\d+ for the transfer to the internet$/m);
  assert.match(planText(unknown, 80), /^in each total: \$14,122\.\d+ for .* internet, as if within a month$/m);
});

test("says how often an archive is retrieved that takes longer than a day", () => {
  const bytesADay = 10 * 1024 ** 2 * 24 * 3600;
  const largest = (sizeBytes: number) => makePlan(contentsOf(sizeBytes, 1), options);
  assert.deepEqual(
    [bytesADay, bytesADay + 1, 3 * bytesADay].map((size) => largest(size).jobsOfLargest),
    [1, 2, 3],
  );
  assert.match(planText(largest(3 * bytesADay), 80), /it is retrieved 3 times, and each time is charged/);
  assert.doesNotMatch(planText(largest(bytesADay), 80), /times/);
  const unknown = makePlan(contentsOf(3 * bytesADay), {
    ...options,
    rates: { bandwidth: null, retrievalPerHour: null },
  });
  assert.equal(unknown.jobsOfLargest, null);
});

test("the slowest of bandwidth, rate, requests and quota decides how long it takes", () => {
  const day = 86_400;
  const rates = { bandwidth: 1000, retrievalPerHour: null };
  const small = { archives: 1, bytes: 1000 * day };
  assert.deepEqual(durationOf(small, rates, null), {
    ...{ seconds: day, secondsMin: day, measuringSeconds: 0 },
    ...{ transferSeconds: day, delaySeconds: 0, bottleneck: "bandwidth" },
  });
  assert.deepEqual(durationOf(small, { ...rates, retrievalPerHour: 1_800_000 }, "Bulk"), {
    seconds: 2 * day + 12 * 3600,
    secondsMin: 2 * day + 12 * 3600,
    measuringSeconds: 0,
    transferSeconds: 2 * day,
    delaySeconds: 12 * 3600,
    bottleneck: "retrieval",
  });
  const many = { archives: 100 * day, bytes: 1 };
  assert.equal(durationOf(many, rates, "Standard").bottleneck, "requests");
  const huge = { archives: 1, bytes: 200 * 1024 ** 4 };
  assert.deepEqual(durationOf(huge, { ...rates, bandwidth: 1e12 }, "Standard").seconds, 2 * day + 5 * 3600);
});

test("without a bandwidth, the other limits say how long it takes at least", () => {
  const amount = { archives: 1, bytes: 100 * gibibyte };
  const least = durationOf(amount, { bandwidth: null, retrievalPerHour: 10 * gibibyte }, "Bulk");
  assert.deepEqual([least.seconds, least.secondsMin, least.bottleneck], [null, 22 * 3600, "retrieval"]);
  const unlimited = { bandwidth: null, retrievalPerHour: null };
  const none = durationOf(amount, unlimited, null);
  assert.deepEqual([none.seconds, none.secondsMin, none.bottleneck], [null, null, null]);

  const rates = { bandwidth: null, retrievalPerHour: 10 * gibibyte };
  const text = planText(makePlan(contentsOf(100 * gibibyte), { ...options, rates }), 80);
  assert.match(text, /^ {2}Bulk: at least 22 hours, the first after 12 hours, limited by --max-retrieval-per-hour$/m);
  assert.match(text, /^ {2}give --bandwidth, like 100MiB$/m);
  const elsewhere = planText(makePlan(contentsOf(5), { ...options, isAws: false, rates: unlimited }), 80);
  assert.match(elsewhere, /^ {2}Bulk: unknown$/m);
});

test("says by how much a rescue may end later that has to measure the bandwidth first", () => {
  const rates = { bandwidth: 12 * 1024 ** 2, retrievalPerHour: null };
  const of = (...sizes: readonly number[]) => makePlan(contentsOf(...sizes), { ...options, rates });
  const measuring = (plan: ReturnType<typeof of>) => plan.tiers.map(({ duration }) => duration.measuringSeconds);
  assert.deepEqual(measuring(of(100 * gibibyte)), [300, 5 * 3600, 12 * 3600]);
  assert.deepEqual(measuring(of(5 * gibibyte)), [300, 5 * 3600, 0]);
  assert.deepEqual(measuring(of(1)), [0, 0, 0]);
  assert.deepEqual(measuring(makePlan(contentsOf(gibibyte ** 2), { ...options, rates, isAws: false })), [0, 0, 0]);
  assert.match(planText(of(5 * gibibyte), 80), /may end later: Expedited by 5 minutes, Standard by 5 hours$/m);
  assert.doesNotMatch(planText(of(1), 80), /later/);
});

test("names the archives that a rescue with a limit for an hour leaves out", () => {
  const contents = contentsOf(5, 200 * gibibyte);
  const overHourlyLimit = { archives: 1, bytes: 200 * gibibyte };
  const details = contents.details && { ...contents.details, overHourlyLimit };
  const rates = { bandwidth: null, retrievalPerHour: 100 * gibibyte };
  assert.match(
    planText(makePlan({ ...contents, details }, { ...options, rates }), 80),
    /^ {2}larger than --max-retrieval-per-hour: 1 archive, 200 GiB;\n {2}a rescue with that limit leaves them out/m,
  );
  assert.doesNotMatch(planText(makePlan(contents, options), 80), /leaves them out/);
});

test("steps of sizes hold each archive once", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 * 1024 ** 4 })), (sizes) => {
      const steps = contentsOf(...sizes).details?.sizes ?? [];
      assert.equal(
        steps.reduce((sum, { archives }) => sum + archives, 0),
        sizes.length,
      );
      let from = 0;
      for (const { belowBytes, archives, bytes } of steps) {
        const within = sizes.filter((size) => size >= from && size < (belowBytes ?? Number.POSITIVE_INFINITY));
        assert.equal(archives, from === 0 ? archives : within.length);
        assert.ok(bytes <= archives * (belowBytes ?? 40 * 1024 ** 4));
        from = belowBytes ?? from;
      }
    }),
  );
});

for (const columns of [40, 80, 200]) {
  test(`the histogram fits in ${columns} columns`, () => {
    const sizes = Array.from({ length: 3000 }, (_, index) => (index % 41) ** 9 + 1);
    const text = planText(makePlan(contentsOf(...sizes), options), columns);
    const bars = text.split("\n").filter((line) => line.includes("█"));
    assert.ok(bars.length >= 8, text);
    assert.deepEqual(
      bars.filter((line) => line.length > columns),
      [],
    );
    assert.ok(
      bars.every((line) => /^ {2}(<|from) \S+ \S+ +[\d,]+ +[\d.]+ (B|[KMGT]iB) +█+$/.test(line)),
      bars.join("\n"),
    );
  });
}

test("shows which names need a decision, with escapes for what a terminal would act on", () => {
  const text = planText(makePlan(contentsOf(5), options), 80);
  assert.match(text, /^ {2}1 with a name that is no safe path: it is made one\n {4}"\.\.\/\\u001b\[31mx"$/m);
  assert.match(text, /^names: mt2 1$/m);
});

for (const columns of [40, 80]) {
  test(`a long name is shortened to ${columns} columns`, () => {
    const contents = contentsOf(5);
    const decisions = [{ kind: "too-long" as const, archives: 1, examples: [`${"é".repeat(500)}.txt`] }];
    const details = contents.details && { ...contents.details, names: { formats: [], decisions } };
    const text = planText(makePlan({ ...contents, details }, options), columns);
    const shown = text.split("\n").find((line) => line.includes("é")) ?? "";
    assert.match(shown, /^ {4}"é+…é+\.txt"$/);
    assert.ok(shown.length <= columns && shown.length >= columns - 1, shown);
  });
}

test("without a catalogue it estimates from the vault's own counts, and names the command that starts an inventory", () => {
  const contents = { asOf: null, archives: 1_000_000, bytes: 200 * gibibyte, details: null };
  const text = planText(makePlan(contents, options), 80);
  assert.match(
    text,
    /At AWS it costs \$0\.04 at most, and takes hours\.\nThis starts an inventory:\n {2}moraine catalog import photos --start$/m,
  );
  assert.match(text, /^Bulk +\$25\.00 +\$0\.50 +\$34\.50$/m);
  assert.doesNotMatch(text, /early deletion,/);
});

test("the service's size has the overhead of each archive, which is stored and not retrieved", () => {
  const described = (NumberOfArchives: number, SizeInBytes: number) => {
    const { archives, bytes } = countsOf({ LastInventoryDate: null, NumberOfArchives, SizeInBytes });
    return { archives, bytes };
  };
  assert.deepEqual(described(20, 20 * (111 + 32_768)), { archives: 20, bytes: 20 * 111 });
  assert.deepEqual(described(20, 0), { archives: 20, bytes: 0 });

  const contents = { asOf: null, archives: 2 ** 15, bytes: gibibyte, details: null };
  assert.equal(makePlan(contents, options).storageUsdPerMonth?.toFixed(6), (2 * 0.0036).toFixed(6));
});

test("says when the target has no room", () => {
  const target = { url: "/backup", kind: "folder", freeBytes: gibibyte, freeFiles: null, blockBytes: 4096 } as const;
  const plan = makePlan(contentsOf(3 * gibibyte), { ...options, target });
  assert.equal(plan.target?.fits, false);
  assert.match(planText(plan, 80), /^needed +3\.0 GiB\nfree +1\.0 GiB\nmissing +2\.0 GiB$/m);
});

test("a folder needs whole blocks, room for the manifest, and a file for each archive", () => {
  const room = { freeBytes: gibibyte, freeFiles: 3, blockBytes: 4096 };
  const target = { url: "/backup", kind: "folder", ...room } as const;
  const of = (contents: VaultStatistics, changed: Partial<typeof room> = {}) =>
    makePlan(contents, { ...options, target: { ...target, ...changed } });
  const three = of(contentsOf(1, 4096, 4097));
  assert.equal(three.target?.neededBytes, 4 * 4096 + 3 * 600);
  assert.equal(three.target?.fits, true);
  assert.doesNotMatch(planText(three, 80), /^(files|missing)/m);
  assert.equal(of(contentsOf(1, 4096, 4097), { freeBytes: 4 * 4096 + 3 * 600 - 1 }).target?.fits, false);

  const four = of(contentsOf(1, 1, 1, 1));
  assert.equal(four.target?.fits, false);
  assert.match(planText(four, 80), /^free +1\.0 GiB\nfiles +4 needed, 3 free \(inodes\)$/m);

  const counted = { asOf: null, archives: 2, bytes: 100, details: null };
  assert.equal(of(counted).target?.neededBytes, 100 + 2 * (4096 + 600), "the most, without a catalogue");
});

test("takes the room from what a file system says of itself", () => {
  const ext4 = { blocks: 1000, bavail: 10, bsize: 4096, files: 500, ffree: 7 };
  assert.deepEqual(roomOf(ext4), { freeBytes: 40_960, freeFiles: 7, blockBytes: 4096 });
  assert.deepEqual(roomOf({ ...ext4, files: 0, ffree: 0 }).freeFiles, null);
  assert.deepEqual(roomOf({ ...ext4, blocks: 0 }).freeBytes, null);
  assert.deepEqual(roomOf({ ...ext4, bsize: 128 * 1024 }), {
    freeBytes: 10 * 128 * 1024,
    freeFiles: 7,
    blockBytes: 4096,
  });
});

test("says that prices of a region are derived, and that another service is not AWS", () => {
  const text = planText(makePlan(contentsOf(5), { ...options, region: "eu-central-1", isAws: false }), 80);
  assert.match(text, /^cost if this were AWS in eu-central-1; this service charges what its operator says$/m);
  assert.match(text, /^Retrieval and request prices of eu-central-1 are derived from us-east-1's\.$/m);
});

test("a region without prices has a plan whose costs are unknown, and the entire table to add them to", () => {
  const target = { url: "s3://bucket/photos", kind: "s3", ...noRoom } as const;
  const plan = makePlan(contentsOf(5), { ...options, region: "eu-central-2", target });
  assert.deepEqual(
    plan.tiers.map(({ requestsUsd, bytesUsd, totalUsd }) => [requestsUsd, bytesUsd, totalUsd]),
    Array.from({ length: 3 }, () => [null, null, null]),
  );
  const { egressUsd, inventoryUsd, earlyDeletionUsd, storageUsdPerMonth } = plan;
  assert.deepEqual([egressUsd, inventoryUsd, earlyDeletionUsd, storageUsdPerMonth], [null, null, null, null]);
  assert.equal(plan.target?.requestsUsd, null);
  assert.deepEqual(plan.prices, builtInPrices);
  const text = planText(plan, 80);
  assert.match(text, /^archives +1$/m);
  assert.match(text, /^cost: unknown, since the price table has no region eu-central-2 \(--prices FILE\)$/m);
  assert.match(text, /^ {2}Bulk: 12 hours/m);
  assert.match(text, /^ {2}moraine plan photos --json \| jq \.prices > prices\.json$/m);
  assert.doesNotMatch(text, /\$|null/);
});

test("durations have their two largest units", () => {
  const texts = [0.2, 59, 60, 3599, 3600, 5400, 86_399, 90_000, 10 * 86_400].map(durationInWords);
  assert.deepEqual(texts, [
    "1 second",
    "59 seconds",
    "1 minute",
    "60 minutes",
    "1 hour",
    "1 hour 30 minutes",
    "24 hours",
    "1 day 1 hour",
    "10 days",
  ]);
});
