import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { capacityExpiry } from "../../src/domain/jobs/provisioned-capacity.ts";

const expiry = (text: string) => new Date(capacityExpiry(Date.parse(text))).toISOString();

test("a month is a calendar month, and ends on its last day where it has no such day", () => {
  for (const [start, end] of [
    ["2017-01-31T14:26:33.031Z", "2017-02-28T14:26:33.000Z"],
    ["2024-01-31T00:00:00.999Z", "2024-02-29T00:00:00.000Z"],
    ["2100-01-29T00:00:00.000Z", "2100-02-28T00:00:00.000Z"],
    ["2026-08-31T23:59:59.999Z", "2026-09-30T23:59:59.000Z"],
    ["2026-12-31T01:02:03.004Z", "2027-01-31T01:02:03.000Z"],
    ["2026-02-28T01:02:03.004Z", "2026-03-28T01:02:03.000Z"],
    ["2026-01-15T12:00:00.500Z", "2026-02-15T12:00:00.000Z"],
  ] as const) {
    assert.equal(expiry(start), end);
  }
});

test("every start has its end in the next month, at the same time of day, on the same day if there is one", () => {
  const start = fc.date({
    min: new Date("1990-01-01T00:00:00Z"),
    max: new Date("2200-01-01T00:00:00Z"),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(start, (date) => {
      const end = new Date(capacityExpiry(date.getTime()));
      assert.equal((end.getUTCMonth() - date.getUTCMonth() + 12) % 12, 1);
      assert.equal(end.getUTCMilliseconds(), 0);
      assert.equal(end.toISOString().slice(11, 19), date.toISOString().slice(11, 19));
      const lastDay = new Date(end.getTime() + 24 * 60 * 60 * 1000).getUTCDate() === 1;
      assert.ok(end.getUTCDate() === date.getUTCDate() || (lastDay && end.getUTCDate() < date.getUTCDate()));
    }),
    { numRuns: 2000 },
  );
});
