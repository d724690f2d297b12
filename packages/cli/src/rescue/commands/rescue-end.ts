import { counted, grouped } from "../../planning/amounts-in-words.ts";
import type { RescueEnd } from "../rescue.ts";
import { CapReachedError, JobsPendingError, SomeFailedError } from "../rescue-errors.ts";
import type { RescueSnapshot } from "../rescue-event.ts";

interface EndFacts {
  readonly target: string;
  /** Entries of the inventory that are not in the catalogue. */
  readonly leftOut: number;
  /** Archives of the vault that the inventory does not list. */
  readonly unlisted: number;
}

/** Returns the error by which the command reports an end that is not success; null for success. */
export function endError(
  end: RescueEnd,
  { failed, requested, selected, verified }: RescueSnapshot,
  { target, leftOut, unlisted }: EndFacts,
): Error | null {
  const left = selected.archives - verified.archives - failed.archives;
  if (end === "cost-cap") {
    return new CapReachedError(
      `${grouped(left)} archives are left, since another job would cost more than --max-cost, or another transfer; raise it to continue`,
    );
  }
  if (end === "waiting") {
    const message = `${counted(requested.archives, "job is", "jobs are")} in progress: run the same command again later`;
    return new JobsPendingError(message);
  }
  if (failed.archives > 0) {
    return new SomeFailedError(
      `${counted(failed.archives, "archive")} could not be rescued; FAILED.jsonl at ${target} says why. Run the same command to try them again`,
    );
  }
  if (left > 0) {
    // Nothing leads here that is known. It must not pass for success.
    return new SomeFailedError(
      `${counted(left, "archive was", "archives were")} passed over: run the same command again`,
    );
  }
  return inventoryError(leftOut, unlisted);
}

function inventoryError(leftOut: number, unlisted: number): Error | null {
  if (leftOut > 0) {
    return new SomeFailedError(
      `${counted(leftOut, "entry", "entries")} of the inventory ${leftOut === 1 ? "was" : "were"} invalid and left out, so archives may be missing: import another one`,
    );
  }
  return unlisted === 0
    ? null
    : new SomeFailedError(
        `All that the inventory lists is rescued, but the vault has ${counted(unlisted, "archive")} more: the inventory is old, or a CSV that was cut off. Import a newer one (moraine catalog import), and run the same command again`,
      );
}
