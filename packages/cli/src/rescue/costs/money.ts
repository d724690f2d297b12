import { type CostTable, transferOnly } from "../../catalog/tables/cost-table.ts";
import { retrievalCost } from "../../pricing/estimate.ts";
import { gigabyteBytes, type RegionPrices } from "../../pricing/price-table.ts";
import { type Tier, tiers } from "../schedule/schedule.ts";
import type { Work } from "../work.ts";

/** Amounts of jobs in US dollars, and the counters of those that were paid for, which survive restarts. */
export class Money {
  readonly #prices: RegionPrices | null;
  readonly #costs: CostTable;

  /** @param prices null for a service whose prices are not known: nothing costs anything */
  constructor(prices: RegionPrices | null, costs: CostTable) {
    this.#prices = prices;
    this.#costs = costs;
  }

  get isKnown(): boolean {
    return this.#prices !== null;
  }

  /**
   * Returns the most that jobs and the transfer of their outputs to the internet can cost: without the part of the transfer that is free, and at
   * its highest step.
   */
  usdOf(tier: Tier, work: Work): number {
    if (this.#prices === null) {
      return 0;
    }
    return retrievalCost(this.#prices, tier, work).totalUsd + this.usdOfTransfer(work.bytes);
  }

  /** The same of a transfer alone. */
  usdOfTransfer(bytes: number): number {
    if (this.#prices === null) {
      return 0;
    }
    const perGb = Math.max(...this.#prices.egress.map((step) => step.perGb));
    return (bytes / gigabyteBytes) * perGb;
  }

  usdOfEach(work: Work): Record<Tier, number> {
    return Object.fromEntries(tiers.map((tier) => [tier, this.usdOf(tier, work)])) as Record<Tier, number>;
  }

  /** Counts jobs as paid for. A negative number takes back those that the service has refused. */
  count(tier: Tier, { archives, bytes }: Work): void {
    this.#costs.add(`jobs ${tier}`, archives);
    this.#costs.add(`bytes ${tier}`, bytes);
  }

  /** Counts a transfer whose job was not counted here. A negative number takes one back that did not take place. */
  countTransfer(bytes: number): void {
    this.#costs.add(transferOnly, bytes);
  }

  /** Returns what was paid for in a tier, in all runs. */
  paidIn(tier: Tier): Work {
    return { archives: this.#costs.get(`jobs ${tier}`), bytes: this.#costs.get(`bytes ${tier}`) };
  }

  spentUsd(): number {
    const ofJobs = tiers.reduce((sum, tier) => sum + this.usdOf(tier, this.paidIn(tier)), 0);
    return ofJobs + this.usdOfTransfer(this.transferredBytes());
  }

  /** Returns the bytes that were counted by countTransfer, in all runs. */
  transferredBytes(): number {
    return this.#costs.get(transferOnly);
  }
}
