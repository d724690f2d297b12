import type { EgressStep, PriceTable, RegionPrices, retrievalTiers } from "./price-table.ts";

/** Error thrown for a price table that cannot be used. Its message names the field, what it has and what was expected. */
export class PriceTableError extends Error {
  override readonly name = "PriceTableError";
}

/** Checks a price table that was parsed from JSON. Throws PriceTableError for the first thing that is wrong. */
export function checkedPrices(document: unknown): PriceTable {
  const table = objectAt(document, "price table");
  if (typeof table["date"] !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(table["date"])) {
    throw invalid("date", table["date"], "a day like 2026-01-31");
  }
  if (table["currency"] !== "USD") {
    throw invalid("currency", table["currency"], '"USD"');
  }
  if (typeof table["source"] !== "string") {
    throw invalid("source", table["source"], "a text that says where the prices are from");
  }
  const regions = Object.entries(objectAt(table["regions"], "regions"));
  if (regions.length === 0) {
    throw invalid("regions", {}, "the prices of at least one region");
  }
  return {
    date: table["date"],
    currency: "USD",
    source: table["source"],
    regions: Object.fromEntries(regions.map(([name, prices]) => [name, checkedRegion(prices, `regions.${name}`)])),
  };
}

/** Returns the prices of a region; null when the table does not have it. */
export function knownPricesOf(table: PriceTable, region: string): RegionPrices | null {
  return (Object.hasOwn(table.regions, region) ? table.regions[region] : undefined) ?? null;
}

/** Returns the prices of a region. Throws PriceTableError when the table does not have it. */
export function pricesOf(table: PriceTable, region: string): RegionPrices {
  const prices = knownPricesOf(table, region);
  if (prices === null) {
    const known = Object.keys(table.regions).join(", ");
    throw new PriceTableError(
      `No prices for region ${JSON.stringify(region)}: expected one of ${known}. Add it to a file for --prices`,
    );
  }
  return prices;
}

function checkedRegion(value: unknown, path: string): RegionPrices {
  const region = objectAt(value, path);
  const price = (name: string) => priceAt(region[name], `${path}.${name}`);
  const retrieval = objectAt(region["retrieval"], `${path}.retrieval`);
  const tier = (name: (typeof retrievalTiers)[number]) => {
    const place = `${path}.retrieval.${name}`;
    const prices = objectAt(retrieval[name], place);
    return {
      perGb: priceAt(prices["perGb"], `${place}.perGb`),
      perThousandRequests: priceAt(prices["perThousandRequests"], `${place}.perThousandRequests`),
    };
  };
  return {
    storagePerGbMonth: price("storagePerGbMonth"),
    retrieval: { Expedited: tier("Expedited"), Standard: tier("Standard"), Bulk: tier("Bulk") },
    inventoryPerThousandRequests: price("inventoryPerThousandRequests"),
    uploadPerThousandRequests: price("uploadPerThousandRequests"),
    s3PutPerThousandRequests: price("s3PutPerThousandRequests"),
    ...(region["s3GetPerThousandRequests"] !== undefined && {
      s3GetPerThousandRequests: price("s3GetPerThousandRequests"),
    }),
    egressFreeGb: price("egressFreeGb"),
    egress: checkedEgress(region["egress"], `${path}.egress`),
    ...(region["isDerived"] === true && { isDerived: true }),
  };
}

function checkedEgress(value: unknown, path: string): EgressStep[] {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalid(path, value, 'a list like [{"upToGb": 10240, "perGb": 0.09}, {"upToGb": null, "perGb": 0.085}]');
  }
  let previousGb = 0;
  return value.map((one: unknown, index) => {
    const place = `${path}[${index}]`;
    const step = objectAt(one, place);
    const isLast = index === value.length - 1;
    const upToGb = isLast ? null : priceAt(step["upToGb"], `${place}.upToGb`);
    if (isLast && (step["upToGb"] ?? null) !== null) {
      throw invalid(`${place}.upToGb`, step["upToGb"], "null, since the last step has no end");
    }
    if (upToGb !== null && upToGb <= previousGb) {
      throw invalid(`${place}.upToGb`, upToGb, `more than ${previousGb}`);
    }
    previousGb = upToGb ?? previousGb;
    return { upToGb, perGb: priceAt(step["perGb"], `${place}.perGb`) };
  });
}

function objectAt(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(path, value, "an object");
  }
  return value as Readonly<Record<string, unknown>>;
}

function priceAt(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw invalid(path, value, "a number of 0 or more");
  }
  return value;
}

function invalid(path: string, value: unknown, expected: string): PriceTableError {
  const found = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)).slice(0, shownLengthMax);
  return new PriceTableError(`Invalid ${path}: expected ${expected}, found ${found}`);
}

const shownLengthMax = 60;
