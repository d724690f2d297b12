import { earlyDeletionUsd, egressUsd, inventoryUsd, retrievalCost, storageUsdPerMonth } from "../pricing/estimate.ts";
import { type PriceTable, type RegionPrices, type RetrievalTier, retrievalTiers } from "../pricing/price-table.ts";
import { pricesOf } from "../pricing/read-prices.ts";
import { type DurationPlan, durationOf, jobsFor, type Rates } from "./duration.ts";
import { type TargetPlan, type TargetSpace, targetPlanOf } from "./target-plan.ts";
import type { VaultStatistics } from "./vault-statistics.ts";

/** The money, time and room that leaving a vault takes. Nothing of it was requested. */
export interface Plan {
  readonly vault: string;
  /** False for a service that is not AWS's: its operator decides what it costs. */
  readonly isAws: boolean;
  readonly region: string;
  readonly contents: VaultStatistics;
  /** The prices that were used, as a file for `--prices`. */
  readonly prices: PriceTable;
  readonly inventoryUsd: number;
  readonly tiers: readonly TierPlan[];
  /** The transfer of all bytes to the internet within a month. */
  readonly egressUsd: number;
  /** The fee if all archives were deleted now; null without a catalogue. */
  readonly earlyDeletionUsd: number | null;
  readonly storageUsdPerMonth: number;
  readonly target: TargetPlan | null;
  /** Jobs that the largest archive takes at the bandwidth, since each output lasts a day; null if it is not known. */
  readonly jobsOfLargest: number | null;
}

export interface TierPlan {
  readonly tier: RetrievalTier;
  readonly requests: number;
  readonly requestsUsd: number;
  readonly bytesUsd: number;
  /** Includes the transfer to the internet and the requests of the target. */
  readonly totalUsd: number;
  readonly duration: DurationPlan;
}

export interface PlanOptions {
  readonly vaultName: string;
  readonly isAws: boolean;
  readonly region: string;
  readonly prices: PriceTable;
  readonly rates: Rates;
  readonly target: TargetSpace | null;
}

/** Throws PriceTableError for a region without prices. */
export function makePlan(contents: VaultStatistics, options: PlanOptions): Plan {
  const { region, prices, isAws, rates } = options;
  const regional = pricesOf(prices, region);
  const target = options.target === null ? null : targetPlanOf(options.target, contents, regional);
  const egress = egressUsd(regional, contents.bytes);
  const { details } = contents;
  return {
    vault: options.vaultName,
    isAws,
    region,
    contents,
    prices: { ...prices, regions: { [region]: regional } },
    inventoryUsd: inventoryUsd(regional, contents.archives),
    tiers: retrievalTiers.map((tier) =>
      tierPlan(tier, contents, { regional, othersUsd: egress + (target?.requestsUsd ?? 0), rates, isAws }),
    ),
    egressUsd: egress,
    earlyDeletionUsd: details === null ? null : earlyDeletionUsd(regional, details.early.missingByteDays),
    storageUsdPerMonth: storageUsdPerMonth(regional, contents.bytes),
    target,
    jobsOfLargest: details === null ? null : jobsFor(details.largestBytes, rates),
  };
}

interface TierFacts {
  readonly regional: RegionPrices;
  /** Costs that do not depend on the tier. */
  readonly othersUsd: number;
  readonly rates: Rates;
  readonly isAws: boolean;
}

function tierPlan(tier: RetrievalTier, contents: VaultStatistics, facts: TierFacts): TierPlan {
  const { requestsUsd, bytesUsd, totalUsd } = retrievalCost(facts.regional, tier, contents);
  return {
    tier,
    requests: contents.archives,
    requestsUsd,
    bytesUsd,
    totalUsd: totalUsd + facts.othersUsd,
    duration: durationOf(contents, facts.rates, facts.isAws ? tier : null),
  };
}
