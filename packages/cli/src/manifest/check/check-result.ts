import { exitCodes } from "../../exit-codes.ts";
import type { SignatureState } from "../signature.ts";

/** A copy that is not as the manifest says, something that it does not name, or a line of it that is damaged. */
export interface CheckFinding {
  readonly finding: "missing" | "changed" | "extra" | "unchecked" | "invalid-line";
  /** Null for a line of the manifest. */
  readonly location: string | null;
  /** Null where the manifest has no entry. */
  readonly archiveId: string | null;
  /** Null where the finding says it all. */
  readonly reason: string | null;
}

export interface CheckTotals {
  /** Copies that are as the manifest says, including those that an earlier run has found so. */
  readonly sound: number;
  readonly soundBytes: number;
  /** Those of `sound` that an earlier, interrupted run has found so. */
  readonly soundBefore: number;
  readonly missing: number;
  readonly changed: number;
  /** Stored at the target, and not in the manifest. */
  readonly extra: number;
  /** Copies that can only be checked later. */
  readonly unchecked: number;
  readonly invalidLines: number;
}

export interface CheckResult extends CheckTotals {
  readonly signature: SignatureState;
}

/** Returns the exit code: 4 when a copy or the manifest is wrong, 75 when a copy could not be checked yet, else 0. Extra files are no fault. */
export function checkExitCode({ missing, changed, unchecked, invalidLines, signature }: CheckResult): number {
  if (missing + changed + invalidLines > 0 || signature.state === "invalid") {
    return exitCodes.unverified;
  }
  return unchecked > 0 ? exitCodes.notReady : exitCodes.done;
}
