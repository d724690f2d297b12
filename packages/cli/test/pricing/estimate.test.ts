import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "@moraine/protocol";
import fc from "fast-check";
import { builtInPrices } from "../../src/pricing/built-in-prices.ts";
import {
  earlyDeletionUsd,
  egressUsd,
  inventoryUsd,
  missingByteDaysOf,
  missingDaysOf,
  retrievalCost,
  s3RequestsUsd,
  storageUsdPerMonth,
  transferUsd,
  uploadRequestsUsd,
} from "../../src/pricing/estimate.ts";
import {
  gigabyteBytes,
  minimumStorageDays,
  overheadBytes,
  type RegionPrices,
  retrievalTiers,
} from "../../src/pricing/price-table.ts";
import { pricesOf } from "../../src/pricing/read-prices.ts";

const virginia = pricesOf(builtInPrices, "us-east-1");
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= 1e-9 * Math.max(1, Math.abs(expected)), `${actual}, expected ${expected}`);

const price = fc.double({ min: 0, max: 100, noNaN: true });
const tierPrice = fc.record({ perGb: price, perThousandRequests: price });
const regionPrices: fc.Arbitrary<RegionPrices> = fc
  .record({
    storagePerGbMonth: price,
    retrieval: fc.record({ Expedited: tierPrice, Standard: tierPrice, Bulk: tierPrice }),
    inventoryPerThousandRequests: price,
    uploadPerThousandRequests: price,
    s3PutPerThousandRequests: price,
    egressFreeGb: fc.double({ min: 0, max: 1e4, noNaN: true }),
    ends: fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { maxLength: 4 }),
    perGb: fc.array(price, { minLength: 5, maxLength: 5 }),
  })
  .map(({ ends, perGb, ...rest }) => ({
    ...rest,
    egress: [...ends.sort((a, b) => a - b), null].map((upToGb, index) => ({ upToGb, perGb: perGb[index] ?? 0 })),
  }));
const bytes = fc.double({ min: 0, max: 1e17, noNaN: true });
const count = fc.integer({ min: 0, max: 10_000_000 });

test("retrieves a terabyte in a thousand archives for the sums that others publish", () => {
  const amount = { archives: 1000, bytes: 1024 * gigabyteBytes };
  near(retrievalCost(virginia, "Expedited", amount).totalUsd, 30.72 + 10);
  near(retrievalCost(virginia, "Standard", amount).totalUsd, 10.24 + 0.05);
  near(retrievalCost(virginia, "Bulk", amount).totalUsd, 2.56 + 0.025);
});

test("charges egress step by step after the free part", () => {
  near(egressUsd(virginia, 100 * gigabyteBytes), 0);
  near(egressUsd(virginia, 101 * gigabyteBytes), 0.09);
  near(egressUsd(virginia, 10_240 * gigabyteBytes), 10_140 * 0.09);
  near(egressUsd(virginia, 10_241 * gigabyteBytes), 10_140 * 0.09 + 0.085);
  near(egressUsd(virginia, 153_601 * gigabyteBytes), 10_140 * 0.09 + 40_960 * 0.085 + 102_400 * 0.07 + 0.05);
});

test("charges each month of a transfer with a free part and its steps from the dearest", () => {
  const month = 30 * 24 * 3600;
  const tebibyte = 1024 * gigabyteBytes;
  near(transferUsd(virginia, tebibyte, null), 83.16);
  near(transferUsd(virginia, tebibyte, month), 83.16);
  near(transferUsd(virginia, tebibyte, 2 * month), 74.16);
  near(transferUsd(virginia, 1000 * gigabyteBytes, 2.5 * month), 2 * 300 * 0.09 + 100 * 0.09);
  near(transferUsd(virginia, 60 * tebibyte, 3 * month), 3 * egressUsd(virginia, 20 * tebibyte));
});

test("charges a free part that is longer than the first step once", () => {
  const prices = { ...virginia, egressFreeGb: 20_000 };
  near(egressUsd(prices, 20_001 * gigabyteBytes), 0.085);
});

test("charges an early deletion by the days that are missing", () => {
  near(earlyDeletionUsd(virginia, 1000 * gigabyteBytes * minimumStorageDays), 1000 * 3 * 0.0036);
  near(earlyDeletionUsd(virginia, 1000 * gigabyteBytes * 30), 1000 * 0.0036);
});

test("an archive is billed with the overhead that the service counts for it", () => {
  assert.equal(overheadBytes, limits.archiveOverheadBytes);
  near(storageUsdPerMonth(virginia, { archives: 0, bytes: 1000 * gigabyteBytes }), 1000 * 0.0036);
  near(storageUsdPerMonth(virginia, { archives: 2 ** 15, bytes: gigabyteBytes }), 2 * 0.0036);
  const now = new Date("2026-11-30T00:00:00Z");
  const createdAt = new Date(now.getTime() - 60 * 86_400_000);
  assert.equal(missingByteDaysOf({ sizeBytes: 1000, createdAt }, now), 30 * (1000 + 32_768));
});

test("an archive lacks the days until the ninetieth", () => {
  const now = Date.UTC(2026, 10, 30);
  const at = (ageDays: number) => missingDaysOf(new Date(now - ageDays * 86_400_000), new Date(now));
  assert.deepEqual([-5, 0, 30.5, 90, 91].map(at), [90, 90, 59.5, 0, 0]);
});

test("costs rise with archives and bytes, in every tier and region", () => {
  fc.assert(
    fc.property(regionPrices, fc.constantFrom(...retrievalTiers), count, bytes, count, bytes, (...drawn) => {
      const [prices, tier, archives, size, moreArchives, moreBytes] = drawn;
      const less = { archives, bytes: size };
      const more = { archives: archives + moreArchives, bytes: size + moreBytes };
      assert.ok(retrievalCost(prices, tier, more).totalUsd >= retrievalCost(prices, tier, less).totalUsd);
      assert.ok(egressUsd(prices, more.bytes) >= egressUsd(prices, less.bytes));
      assert.ok(inventoryUsd(prices, more.archives) >= inventoryUsd(prices, less.archives));
      assert.ok(earlyDeletionUsd(prices, more.bytes) >= earlyDeletionUsd(prices, less.bytes));
    }),
  );
});

test("a sum is the sum of its parts, however a retrieval is divided", () => {
  fc.assert(
    fc.property(regionPrices, fc.constantFrom(...retrievalTiers), fc.array(fc.tuple(count, bytes)), (...drawn) => {
      const [prices, tier, parts] = drawn;
      const costs = parts.map(([archives, size]) => retrievalCost(prices, tier, { archives, bytes: size }));
      const total = retrievalCost(prices, tier, {
        archives: parts.reduce((sum, [archives]) => sum + archives, 0),
        bytes: parts.reduce((sum, [, size]) => sum + size, 0),
      });
      near(
        total.totalUsd,
        costs.reduce((sum, one) => sum + one.totalUsd, 0),
      );
      near(total.requestsUsd + total.bytesUsd, total.totalUsd);
    }),
  );
});

test("egress costs at most the dearest step, and is never below zero", () => {
  fc.assert(
    fc.property(regionPrices, bytes, (prices, size) => {
      const dearest = Math.max(...prices.egress.map(({ perGb }) => perGb));
      const cost = egressUsd(prices, size);
      assert.ok(cost >= 0 && cost <= (size / gigabyteBytes) * dearest * (1 + 1e-9));
    }),
  );
});

test("requests that store archives cost by the thousand", () => {
  near(uploadRequestsUsd(virginia, 1_000_000), 30);
  near(s3RequestsUsd(virginia, { writes: 1_000_000, reads: 1_000_000 }), 5 + 0.4);
  const { s3GetPerThousandRequests: _, ...older } = virginia;
  near(s3RequestsUsd(older, { writes: 1_000_000, reads: 1_000_000 }), 10);
});
