import { type DataRetrievalPolicyInput, type DataRetrievalRuleInput, errors, rangeLength } from "@moraine/protocol";
import type { Instant } from "../time/instant.ts";
import type { Job } from "./job.ts";

/** How much an account allows to be retrieved in a region at the Standard tier: docs/wire.md#data-retrieval-policy */
export type RetrievalPolicy =
  | { readonly strategy: "BytesPerHour"; readonly bytesPerHour: bigint }
  | { readonly strategy: "FreeTier" }
  | { readonly strategy: "None" };

/** The policy that holds before any has been set. */
export const defaultRetrievalPolicy: RetrievalPolicy = { strategy: "None" };

const bytesPerHourMax = 2n ** 63n - 1n;

/** Reads the policy of a request; throws Missing- or InvalidParameterValueException. */
export function readRetrievalPolicy(policy: DataRetrievalPolicyInput | undefined): RetrievalPolicy {
  if (policy === undefined) {
    throw errors.missingParameter("policy");
  }
  if (policy.Rules === undefined) {
    throw errors.missingParameter("rules");
  }
  const [rule, ...others] = policy.Rules;
  if (rule === undefined || others.length > 0) {
    throw errors.invalidParameter(`A data retrieval policy must have exactly one rule, not ${policy.Rules.length}`);
  }
  return readRule(rule);
}

function readRule({ Strategy: strategy, BytesPerHour: bytesPerHour }: DataRetrievalRuleInput): RetrievalPolicy {
  if (strategy === "BytesPerHour") {
    return { strategy, bytesPerHour: readBytesPerHour(bytesPerHour) };
  }
  if (strategy !== "FreeTier" && strategy !== "None") {
    throw errors.invalidParameter(`Invalid strategy: ${strategy ?? "none is given"}`);
  }
  if (bytesPerHour !== undefined) {
    throw errors.invalidParameter(`BytesPerHour must not be given with the strategy ${strategy}`);
  }
  return { strategy };
}

function readBytesPerHour(given: number | bigint | undefined): bigint {
  if (given === undefined) {
    throw errors.missingParameter("bytesPerHour");
  }
  // A number beyond 2^53 is no integer that somebody wrote, but the nearest there is to it.
  const value = typeof given === "bigint" || Number.isSafeInteger(given) ? BigInt(given) : 0n;
  if (value < 1n || value > bytesPerHourMax) {
    throw errors.invalidParameter(`Invalid BytesPerHour: ${given}`);
  }
  return value;
}

/** The amounts that the policy is compared with. */
export interface RetrievalLoad {
  /** Sum of `hourlyBytes` over the account's Standard archive jobs in progress in the region; read with BytesPerHour alone. */
  readonly hourlyBytes: bigint;
  /** Bytes that Standard archive jobs of the same day asked for. */
  readonly dayBytes: number;
  /** Bytes that are free each month. */
  readonly monthlyFreeBytes: number;
}

/** Throws PolicyEnforcedException when a job for this many bytes must not be added. */
export function assertRetrievalAllowed(
  policy: RetrievalPolicy,
  rangeBytes: number,
  load: RetrievalLoad,
  now: Instant,
): void {
  switch (policy.strategy) {
    case "BytesPerHour":
      if (load.hourlyBytes + hourlyBytes(rangeBytes) > policy.bytesPerHour) {
        throw errors.policyEnforced();
      }
      return;
    case "FreeTier":
      if (load.dayBytes + rangeBytes > dailyFreeBytes(load.monthlyFreeBytes, now)) {
        throw errors.policyEnforced();
      }
      return;
    case "None":
  }
}

/** Bytes that a job is governed for; null for one that no policy concerns: inventories, and other tiers. */
export function governedBytes(job: Job): number | null {
  return job.action === "ArchiveRetrieval" && job.tier === "Standard" ? rangeLength(job.range) : null;
}

/** A Standard job is assumed to take four hours, whatever its delay is here: docs/wire.md#data-retrieval-policy */
function hourlyBytes(rangeBytes: number): bigint {
  return BigInt(Math.ceil(rangeBytes / 4));
}

/** The month's allowance in equal shares of its days, in UTC, as whole bytes. */
export function dailyFreeBytes(monthlyFreeBytes: number, now: Instant): number {
  const date = new Date(now);
  const daysInMonth = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
  return Math.floor(monthlyFreeBytes / daysInMonth);
}

/** The UTC day, as `2026-03-04`. */
export function dayOf(now: Instant): string {
  return new Date(now).toISOString().slice(0, 10);
}
