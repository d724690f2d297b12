import type { PriceTable, RegionPrices } from "./price-table.ts";

/** The storage price of us-east-1, whose retrieval prices are known. */
const knownStorage = 0.0036;

/**
 * Prices as public sources had them. AWS may have changed any of them: check before use.
 *
 * - Storage: arqbackup.com, "AWS Glacier Pricing Explained" (2021), for each region, less the 10 % by which AWS cut it in December 2021.
 *   infracost's tests of 2024 have the result, 0.0036, for us-east-1.
 * - Retrieval and uploads in us-east-1: infracost's tests (2024) for the service AmazonGlacier, and AWS re:Post, "How do I manage data
 *   retrieval costs". No source was found for the other regions: their retrieval is derived from us-east-1's by the ratio of storage
 *   prices, and `isDerived` says so.
 * - An inventory is counted as a Standard request, which is the most that it can cost.
 * - Requests of S3: infracost's tests (2024) for us-east-1, and derived for the others.
 * - Data transfer: infracost's tests (2024), for each region; the free 100 GB a month: AWS's announcement of December 2021.
 */
export const builtInPrices: PriceTable = {
  date: "2024-12-31",
  currency: "USD",
  source: "public figures of 2021 to 2024; check before use: https://aws.amazon.com/s3/glacier/pricing/",
  // biome-ignore format: one line per region reads as a table.
  regions: {
    "us-east-1":      region(0.0036,  0.09,   0.085, 0.07,  0.05),
    "us-east-2":      region(0.0036,  0.09,   0.085, 0.07,  0.05),
    "us-west-1":      region(0.0045,  0.09,   0.085, 0.07,  0.05),
    "us-west-2":      region(0.0036,  0.09,   0.085, 0.07,  0.05),
    "ca-central-1":   region(0.00405, 0.09,   0.085, 0.07,  0.05),
    "eu-central-1":   region(0.00405, 0.09,   0.085, 0.07,  0.05),
    "eu-north-1":     region(0.0036,  0.09,   0.085, 0.07,  0.05),
    "eu-south-1":     region(0.00405, 0.09,   0.085, 0.07,  0.05),
    "eu-west-1":      region(0.0036,  0.09,   0.085, 0.07,  0.05),
    "eu-west-2":      region(0.00405, 0.09,   0.085, 0.07,  0.05),
    "eu-west-3":      region(0.00405, 0.09,   0.085, 0.07,  0.05),
    "ap-east-1":      region(0.0045,  0.12,   0.085, 0.082, 0.08),
    "ap-northeast-1": region(0.0045,  0.114,  0.089, 0.086, 0.084),
    "ap-northeast-2": region(0.0045,  0.126,  0.122, 0.117, 0.108),
    "ap-northeast-3": region(0.0045,  0.114,  0.089, 0.086, 0.084),
    "ap-south-1":     region(0.0045,  0.1093, 0.085, 0.082, 0.08),
    "ap-southeast-1": region(0.0045,  0.12,   0.085, 0.082, 0.08),
    "ap-southeast-2": region(0.0045,  0.114,  0.098, 0.094, 0.092),
    "af-south-1":     region(0.00405, 0.154,  0.147, 0.126, 0.112),
    "me-south-1":     region(0.00405, 0.117,  0.1105, 0.091, 0.065),
    "sa-east-1":      region(0.00765, 0.15,   0.138, 0.126, 0.114),
    "us-gov-east-1":  region(0.0054,  0.155,  0.115, 0.09,  0.065),
    "us-gov-west-1":  region(0.0054,  0.155,  0.115, 0.09,  0.065),
  },
};

/** @param egress dollars for each GB of the first 10 TB of a month, the next 40, the next 100, and the rest. */
function region(storagePerGbMonth: number, ...egress: readonly [number, number, number, number]): RegionPrices {
  const ratio = storagePerGbMonth / knownStorage;
  const scaled = (dollars: number) => Number((dollars * ratio).toFixed(6));
  const [first, second, third, rest] = egress;
  return {
    storagePerGbMonth,
    retrieval: {
      Expedited: { perGb: scaled(0.03), perThousandRequests: scaled(10) },
      Standard: { perGb: scaled(0.01), perThousandRequests: scaled(0.05) },
      Bulk: { perGb: scaled(0.0025), perThousandRequests: scaled(0.025) },
    },
    inventoryPerThousandRequests: scaled(0.05),
    uploadPerThousandRequests: scaled(0.03),
    s3PutPerThousandRequests: scaled(0.005),
    s3GetPerThousandRequests: scaled(0.0004),
    egressFreeGb: 100,
    egress: [
      { upToGb: 10_240, perGb: first },
      { upToGb: 51_200, perGb: second },
      { upToGb: 153_600, perGb: third },
      { upToGb: null, perGb: rest },
    ],
    ...(ratio !== 1 && { isDerived: true }),
  };
}
