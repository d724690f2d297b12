import { bytesInWords } from "../../arguments/sizes.ts";
import { dollars, grouped } from "../../planning/amounts-in-words.ts";
import type { ScheduleLimits } from "../schedule/schedule.ts";
import { minus, type Work } from "../work.ts";
import type { Money } from "./money.ts";

/** The plan of a rescue, before it does anything. */
export interface RescueEstimate {
  readonly selected: Work;
  readonly verified: Work;
  readonly left: Work;
  readonly tier: string;
  /** Jobs that exist already, in progress or ready. */
  readonly existingJobs: number;
  /** The most that the jobs and the transfer can cost, as if no job existed; null where prices are not known. */
  readonly usd: number | null;
  readonly spentUsd: number | null;
  readonly costMax: number | null;
  /** Null if it is not known. */
  readonly freeBytes: number | null;
}

export function estimateOf(
  { selected, verified }: { readonly selected: Work; readonly verified: Work },
  facts: Pick<RescueEstimate, "existingJobs" | "freeBytes">,
  { tier, costMax }: ScheduleLimits,
  money: Money,
): RescueEstimate {
  const left = minus(selected, verified);
  const usd = money.isKnown ? money.usdOf(tier, left) : null;
  const spentUsd = money.isKnown ? money.spentUsd() : null;
  return { selected, verified, left, tier, usd, spentUsd, costMax, ...facts };
}

export function estimateText(vaultName: string, target: string, estimate: RescueEstimate): string {
  const { selected, verified, left, tier, existingJobs, usd, spentUsd, costMax, freeBytes } = estimate;
  const amount = ({ archives, bytes }: Work) => `${grouped(archives)} archives, ${bytesInWords(bytes)}`;
  const lines = [
    `Rescue of vault ${vaultName} to ${target}`,
    `  selected   ${amount(selected)}`,
    ...(verified.archives > 0 ? [`  verified   ${amount(verified)}`] : []),
    `  to fetch   ${amount(left)}, by ${tier} jobs${existingJobs > 0 ? `, of which ${grouped(existingJobs)} exist already` : ""}`,
    usd === null
      ? "  cost       not known for this service or region (--prices FILE)"
      : `  cost       ${dollars(usd)} at most, with the transfer to the internet; check the prices before use (--prices)`,
    ...(spentUsd !== null && spentUsd > 0 ? [`  so far     ${dollars(spentUsd)}`] : []),
    ...(costMax === null ? [] : [`  limit      ${dollars(costMax)} in all (--max-cost)`]),
    ...(freeBytes === null ? [] : [`  free       ${bytesInWords(freeBytes)} at the target`]),
  ];
  if (freeBytes !== null && freeBytes < left.bytes) {
    lines.push("  WARNING    the target has less room than the archives need");
  }
  return lines.join("\n");
}
