import { type ArchiveFacts, type Target, TargetFullError, TargetUnavailableError } from "../../targets/target.ts";

/** Whether the target is the reason, or seems to be. */
export const isOfTarget = (error: unknown): error is TargetFullError | TargetUnavailableError =>
  error instanceof TargetFullError || error instanceof TargetUnavailableError;

/** Whether a file or object of one archive is the reason, since others could be stored. */
export async function isOfOne(
  target: Pick<Target, "probe" | "bytesToStore">,
  archive: ArchiveFacts,
  error: TargetFullError | TargetUnavailableError,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(error instanceof TargetUnavailableError && error.mayBeOfOne)) {
    return false;
  }
  try {
    await probeFor(target, archive, signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Finds out whether the target could store what it lacks of an archive. Any failure is one of the target as a whole. */
export async function probeFor(
  target: Pick<Target, "probe" | "bytesToStore">,
  archive: ArchiveFacts,
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = (await target.bytesToStore?.(archive)) ?? archive.sizeBytes;
  await target.probe(sizeBytes, signal).catch((error: unknown) => {
    throw asOfWhole(error);
  });
}

/** The error as one of the target as a whole, though one of its documents has shown it. */
export const asOfWhole = (error: unknown): unknown =>
  error instanceof TargetUnavailableError && error.mayBeOfOne
    ? new TargetUnavailableError(error.message, { cause: error })
    : error;
