import {
  earlyDeletionUsd,
  inventoryUsd,
  monthSeconds,
  retrievalCost,
  storageUsdPerMonth,
  transferUsd,
} from "../pricing/estimate.ts";
import { type PriceTable, type RegionPrices, type RetrievalTier, retrievalTiers } from "../pricing/price-table.ts";
import { knownPricesOf } from "../pricing/read-prices.ts";
import { type DurationPlan, durationOf, jobsFor, type Rates } from "./duration.ts";
import { type TargetPlan, type TargetSpace, targetPlanOf } from "./target-plan.ts";
import type { VaultStatistics } from "./vault-statistics.ts";

/** The money, time and room that leaving a vault takes. Nothing of it was requested. Amounts are null where the region has no prices. */
export interface Plan {
  readonly vault: string;
  /** False for a service that is not AWS's: its operator decides what it costs. */
  readonly isAws: boolean;
  readonly region: string;
  readonly contents: VaultStatistics;
  /** The prices that were used, as a file for `--prices`; those of all regions if the table lacks this one. */
  readonly prices: PriceTable;
  readonly arePricesKnown: boolean;
  readonly inventoryUsd: number | null;
  readonly tiers: readonly TierPlan[];
  /** The transfer of all bytes to the internet. */
  readonly egressUsd: number | null;
  /** Months of 30 days over which it is spread; null if the bandwidth is not known, and the transfer is counted as if within one. */
  readonly egressMonths: number | null;
  /** The fee if all archives were deleted now; null also without a catalogue. */
  readonly earlyDeletionUsd: number | null;
  readonly storageUsdPerMonth: number | null;
  readonly target: TargetPlan | null;
  /** Jobs that the largest archive takes at the bandwidth, since each output lasts a day; null if it is not known. */
  readonly jobsOfLargest: number | null;
}

export interface TierPlan {
  readonly tier: RetrievalTier;
  readonly requests: number;
  readonly requestsUsd: number | null;
  readonly bytesUsd: number | null;
  /** Includes the transfer to the internet and the requests of the target. */
  readonly totalUsd: number | null;
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

export function makePlan(contents: VaultStatistics, options: PlanOptions): Plan {
  const { region, prices, isAws, rates } = options;
  const regional = knownPricesOf(prices, region);
  const usd = (costOf: (known: RegionPrices) => number) => (regional === null ? null : costOf(regional));
  const target = options.target === null ? null : targetPlanOf(options.target, contents, regional);
  const transferSeconds = durationOf(contents, rates, isAws ? "Bulk" : null).transferSeconds;
  const egress = usd((known) => transferUsd(known, contents.bytes, transferSeconds));
  const { details } = contents;
  return {
    vault: options.vaultName,
    isAws,
    region,
    contents,
    prices: regional === null ? prices : { ...prices, regions: { [region]: regional } },
    arePricesKnown: regional !== null,
    inventoryUsd: usd((known) => inventoryUsd(known, contents.archives)),
    tiers: retrievalTiers.map((tier) =>
      tierPlan(tier, contents, { regional, othersUsd: (egress ?? 0) + (target?.requestsUsd ?? 0), rates, isAws }),
    ),
    egressUsd: egress,
    egressMonths: transferSeconds === null ? null : Math.max(1, Math.ceil(transferSeconds / monthSeconds)),
    earlyDeletionUsd: details === null ? null : usd((known) => earlyDeletionUsd(known, details.early.missingByteDays)),
    storageUsdPerMonth: usd((known) => storageUsdPerMonth(known, contents)),
    target,
    jobsOfLargest: details === null ? null : jobsFor(details.largestBytes, rates),
  };
}

interface TierFacts {
  readonly regional: RegionPrices | null;
  /** Costs that do not depend on the tier. */
  readonly othersUsd: number;
  readonly rates: Rates;
  readonly isAws: boolean;
}

function tierPlan(tier: RetrievalTier, contents: VaultStatistics, facts: TierFacts): TierPlan {
  const cost = facts.regional === null ? null : retrievalCost(facts.regional, tier, contents);
  return {
    tier,
    requests: contents.archives,
    requestsUsd: cost?.requestsUsd ?? null,
    bytesUsd: cost?.bytesUsd ?? null,
    totalUsd: cost === null ? null : cost.totalUsd + facts.othersUsd,
    duration: durationOf(contents, facts.rates, facts.isAws ? tier : null),
  };
}
