import type { CatalogArchive } from "../catalog/archive-row.ts";
import { type Target, TargetFullError, TargetUnavailableError } from "../targets/target.ts";

/** Whether the target is the reason, or seems to be. */
export const isOfTarget = (error: unknown): error is TargetFullError | TargetUnavailableError =>
  error instanceof TargetFullError || error instanceof TargetUnavailableError;

/** Whether a file or object of one archive is the reason, since others could be stored. */
export async function isOfOne(
  target: Pick<Target, "probe">,
  { sizeBytes }: Pick<CatalogArchive, "sizeBytes">,
  error: TargetFullError | TargetUnavailableError,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(error instanceof TargetUnavailableError && error.mayBeOfOne)) {
    return false;
  }
  try {
    await target.probe(sizeBytes, signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
