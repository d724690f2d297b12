import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertRetrievalAllowed,
  dailyFreeBytes,
  dayOf,
  type RetrievalPolicy,
} from "../../src/domain/jobs/retrieval-policy.ts";

const at = (text: string) => Date.parse(text);
const nothing = { hourlyBytes: 0n, dayBytes: 0, monthlyFreeBytes: 0 };
const denied = { code: "PolicyEnforcedException" };

test("a day's share is the month's allowance over its days, in UTC", () => {
  for (const [time, days] of [
    ["2026-01-01T00:00:00.000Z", 31],
    ["2026-02-28T23:59:59.999Z", 28],
    ["2024-02-01T00:00:00.000Z", 29],
    ["2100-02-01T00:00:00.000Z", 28],
    ["2026-04-30T23:59:59.999Z", 30],
    ["2026-05-01T00:00:00.000Z", 31],
    ["2026-12-31T23:59:59.999Z", 31],
  ] as const) {
    assert.equal(dailyFreeBytes(days * 1000 + days - 1, at(time)), 1000, time);
  }
  assert.equal(dayOf(at("2026-12-31T23:59:59.999Z")), "2026-12-31");
});

test("BytesPerHour allows up to its quota and not a byte an hour more, for numbers of any size", () => {
  const hourly = fc.bigInt({ min: 0n, max: 2n ** 62n });
  const size = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 40_000 * 1024 ** 3 }));
  const room = fc.bigInt({ min: -2n, max: 2n });
  fc.assert(
    fc.property(hourly, size, room, (hourlyBytes, rangeBytes, spare) => {
      const quarter = (BigInt(rangeBytes) + 3n) / 4n;
      const policy: RetrievalPolicy = { strategy: "BytesPerHour", bytesPerHour: hourlyBytes + quarter + spare };
      const judge = () => assertRetrievalAllowed(policy, rangeBytes, { ...nothing, hourlyBytes }, 0);
      if (spare >= 0n) judge();
      else assert.throws(judge, denied);
    }),
  );
});

test("FreeTier allows a day's share to the byte", () => {
  const policy: RetrievalPolicy = { strategy: "FreeTier" };
  const load = { ...nothing, dayBytes: 60, monthlyFreeBytes: 31 * 100 };
  assertRetrievalAllowed(policy, 40, load, at("2026-03-04T00:00:00Z"));
  assert.throws(() => assertRetrievalAllowed(policy, 41, load, at("2026-03-04T00:00:00Z")), denied);
  // The same allowance is more for each day of a shorter month.
  assertRetrievalAllowed(policy, 50, load, at("2026-02-04T00:00:00Z"));
});

test("None allows everything", () => {
  const load = { hourlyBytes: 2n ** 63n, dayBytes: Number.MAX_SAFE_INTEGER, monthlyFreeBytes: 0 };
  assertRetrievalAllowed({ strategy: "None" }, Number.MAX_SAFE_INTEGER, load, 0);
});
