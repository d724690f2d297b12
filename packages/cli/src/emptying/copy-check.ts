import { type Target, TargetUnavailableError, UncheckableError } from "../targets/target.ts";
import type { DeletionReport } from "./deletion-report.ts";
import type { ManifestSource } from "./manifest-source.ts";
import type { VerifiedArchive } from "./verified-archives.ts";

/** Copies of archives, and whether each is read back first. */
export interface CheckedCopies {
  readonly source: ManifestSource;
  readonly checksCopies: boolean;
}

/** Copies in a row that cannot be read, for which the target as a whole is the reason. */
const unreadableMax = 20;

/**
 * Returns the check before an archive is deleted: it is kept unless all bytes of its copy are right. One copy that cannot be read keeps its
 * archive, and many in a row end the work.
 */
export function copyCheck(
  { source, checksCopies }: CheckedCopies,
  report: Pick<DeletionReport, "note">,
): (archive: VerifiedArchive, signal: AbortSignal) => Promise<boolean> {
  let unreadable = 0;
  const stateOf = async (copy: VerifiedArchive["copy"], signal: AbortSignal): Promise<string> => {
    try {
      const state = checksCopies ? await source.target.check(copy, signal) : "sound";
      unreadable = 0;
      return state;
    } catch (error) {
      signal.throwIfAborted();
      const isOfCopy = error instanceof TargetUnavailableError || (error instanceof UncheckableError && !error.isOfAll);
      unreadable += 1;
      if (!isOfCopy || unreadable >= unreadableMax) {
        throw error;
      }
      return `not checked: ${error.message}`;
    }
  };
  return async ({ archiveId, copy }, signal) => {
    const state = await stateOf(copy, signal);
    if (state !== "sound") {
      const { location } = copy;
      report.note("kept", `kept ${archiveId}: its copy ${location} is ${state}`, { archiveId, location, state });
    }
    return state === "sound";
  };
}

/** Whether the copies' bytes are read back: those in a vault are only looked for in its inventory. */
export const readsBytes = ({ url }: Pick<Target, "url">): boolean => !url.startsWith("vault:");
