import type { Amount } from "../pricing/estimate.ts";
import type { RetrievalTier } from "../pricing/price-table.ts";
import { horizonOf } from "../rescue/schedule/schedule.ts";
import { assumedSpeed, secondsFor } from "../rescue/schedule/speed.ts";

/** The rates that the user expects or sets. */
export interface Rates {
  /** Bytes a second of the network; null if not given. */
  readonly bandwidth: number | null;
  /** Bytes that may be retrieved an hour; null for no limit. */
  readonly retrievalPerHour: number | null;
}

export type Bottleneck = "bandwidth" | "retrieval" | "requests" | "quota";

export interface DurationPlan {
  /** From the first request to the last byte, for a rescue that is given the bandwidth. Null when the bandwidth is not given. */
  readonly seconds: number | null;
  /** The least that it takes by the limits that are known; null when there are none. */
  readonly secondsMin: number | null;
  /** The time by which a rescue may end later that has to measure the bandwidth first. */
  readonly measuringSeconds: number;
  /** From the first byte to the last; null when the bandwidth is not given. */
  readonly transferSeconds: number | null;
  /** Until the first archive can be fetched. */
  readonly delaySeconds: number;
  /** The limit that decides; null when there is none. */
  readonly bottleneck: Bottleneck | null;
}

/**
 * Estimates a retrieval that requests, waits and fetches at the same time: the slowest of these decides, after the delay of the tier.
 *
 * @param tier null for a service other than AWS's, which has neither its delays nor its quotas.
 */
export function durationOf(amount: Amount, rates: Rates, tier: RetrievalTier | null): DurationPlan {
  const { archives, bytes } = amount;
  const { bandwidth, retrievalPerHour } = rates;
  const limits: Partial<Record<Bottleneck, number>> = {
    ...(bandwidth !== null && { bandwidth: bytes / bandwidth }),
    ...(retrievalPerHour !== null && { retrieval: (bytes / retrievalPerHour) * hourSeconds }),
    ...(tier !== null && { requests: archives / awsRequestsPerSecond, quota: (bytes / awsBytesPerDay) * daySeconds }),
  };
  const delaySeconds = tier === null ? 0 : awsDelaySeconds[tier];
  const [slowest] = (Object.entries(limits) as [Bottleneck, number][]).toSorted(([, one], [, other]) => other - one);
  const [bottleneck, busySeconds] = slowest ?? [null, null];
  const secondsMin = busySeconds === null ? null : busySeconds + delaySeconds;
  const seconds = bandwidth === null ? null : secondsMin;
  const measuringSeconds = tier !== null && isMoreThanFirstBatch(amount, tier) ? delaySeconds : 0;
  const transferSeconds = bandwidth === null ? null : busySeconds;
  return { seconds, secondsMin, measuringSeconds, transferSeconds, delaySeconds, bottleneck };
}

/** Whether a rescue that assumes a slow line leaves some archives to a second batch, for which the tier's delay has to pass again. */
const isMoreThanFirstBatch = (amount: Amount, tier: RetrievalTier): boolean =>
  secondsFor(assumedSpeed, amount) > horizonOf({ latencySeconds: null }, { tier });

/** Returns how many outputs an archive takes, each of which can be fetched for a day; null without a bandwidth. */
export const jobsFor = (sizeBytes: number, { bandwidth }: Rates): number | null =>
  bandwidth === null ? null : Math.max(1, Math.ceil(sizeBytes / bandwidth / daySeconds));

const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;
/** The rates that AWS's own guidance for moving vaults to S3 keeps to. */
const awsRequestsPerSecond = 100;
const awsBytesPerDay = 100 * 1024 ** 4;
/** The upper ends of what AWS documents for each tier. */
const awsDelaySeconds: Readonly<Record<RetrievalTier, number>> = {
  Expedited: 5 * 60,
  Standard: 5 * hourSeconds,
  Bulk: 12 * hourSeconds,
};
