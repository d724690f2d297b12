import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInPrices } from "../../src/pricing/built-in-prices.ts";
import { checkedPrices, PriceTableError, pricesOf } from "../../src/pricing/read-prices.ts";

type Json = Record<string, unknown>;
const document = (): Json => JSON.parse(JSON.stringify(builtInPrices));

/** Changes one field of a copy of the table, by its path. */
function changed(path: string, value: unknown): Json {
  const copy = document();
  const names = path.split("/");
  const last = names.pop() ?? "";
  const place = names.reduce((one, name) => one[name] as Json, copy);
  place[last] = value;
  return copy;
}

test("the built-in table has the shape that a file must have", () => {
  assert.deepEqual(checkedPrices(document()), builtInPrices);
});

const faults: readonly (readonly [path: string, value: unknown, message: string])[] = [
  ["date", "yesterday", 'Invalid date: expected a day like 2026-01-31, found "yesterday"'],
  ["currency", "EUR", 'Invalid currency: expected "USD", found "EUR"'],
  ["source", 7, "Invalid source: expected a text that says where the prices are from, found 7"],
  ["regions", {}, "Invalid regions: expected the prices of at least one region, found {}"],
  ["regions", [], "Invalid regions: expected an object, found []"],
  ["regions/us-east-1", null, "Invalid regions.us-east-1: expected an object, found null"],
  [
    "regions/us-east-1/storagePerGbMonth",
    -1,
    "Invalid regions.us-east-1.storagePerGbMonth: expected a number of 0 or more, found -1",
  ],
  [
    "regions/us-east-1/retrieval/Bulk",
    undefined,
    "Invalid regions.us-east-1.retrieval.Bulk: expected an object, found nothing",
  ],
  [
    "regions/us-east-1/retrieval/Bulk/perGb",
    "0.01",
    'Invalid regions.us-east-1.retrieval.Bulk.perGb: expected a number of 0 or more, found "0.01"',
  ],
  [
    "regions/us-east-1/egress/1/upToGb",
    5,
    "Invalid regions.us-east-1.egress[1].upToGb: expected more than 10240, found 5",
  ],
  [
    "regions/us-east-1/egress/3/upToGb",
    5,
    "Invalid regions.us-east-1.egress[3].upToGb: expected null, since the last step has no end, found 5",
  ],
  [
    "regions/us-east-1/egress",
    [],
    'Invalid regions.us-east-1.egress: expected a list like [{"upToGb": 10240, "perGb": 0.09}, {"upToGb": null, "perGb": 0.085}], found []',
  ],
];
for (const [path, value, message] of faults) {
  test(`names the field for ${JSON.stringify(value)} as ${path}`, () => {
    assert.throws(() => checkedPrices(changed(path, value)), { name: "PriceTableError", message });
  });
}

test("a table that is no object is refused", () => {
  for (const value of [null, [], "prices", 3]) {
    assert.throws(() => checkedPrices(value), /^PriceTableError: Invalid price table: expected an object/);
  }
});

test("names the regions that it has for one that it lacks", () => {
  assert.throws(() => pricesOf(builtInPrices, "mars-1"), PriceTableError);
  assert.throws(
    () => pricesOf(builtInPrices, "constructor"),
    /No prices for region "constructor": expected one of us-east-1, /,
  );
});
