import type { CommandContext } from "../../context/tools.ts";
import { exitCodes } from "../../exit-codes.ts";
import type { CheckFinding } from "../../manifest/check/check-result.ts";
import { checkTarget } from "../../manifest/check-target.ts";
import { counted } from "../../planning/amounts-in-words.ts";
import { onOneLine } from "../../terminal/printable.ts";
import { reconcileManifest } from "../recording/reconcile-manifest.ts";
import { CopiesDifferError } from "../rescue-errors.ts";
import type { RescueParts } from "../rescue-state.ts";
import { journalFor, progressWriter } from "./check-command.ts";

/**
 * Reads all copies of a target again, and plans those that are missing once more. Throws CopiesDifferError if some have changed: a file is
 * never replaced, so the user has to move them away first.
 */
export async function recheckCopies(
  tools: CommandContext,
  parts: RescueParts,
  concurrency: number | undefined,
): Promise<void> {
  const { signal } = tools;
  const { quiet = false, json = false } = tools.options();
  const { url } = parts.target;
  await reconcileManifest(parts, signal);
  let planned = 0;
  let changed = 0;
  const onFinding = (finding: CheckFinding) => {
    planned += finding.finding === "missing" && planAgain(parts, finding) ? 1 : 0;
    if (finding.finding === "changed") {
      changed += 1;
      tools.stderr.write(`moraine: ${onOneLine(`${finding.location} has changed`)}\n`);
    }
  };
  await checkTarget(parts.target, {
    ...{ trustedKey: null, concurrency, signal, onFinding },
    journal: await journalFor(tools, url),
    onProgress: progressWriter(tools, quiet || json),
  });
  if (changed > 0) {
    const message = `${counted(changed, "copy", "copies")} at ${url} changed: move these files away, and run the command again to fetch them`;
    throw new CopiesDifferError(message, exitCodes.unverified);
  }
  if (planned > 0 && !quiet) {
    tools.stderr.write(`moraine: ${counted(planned, "missing copy", "missing copies")} will be fetched again\n`);
  }
}

/** Returns whether the catalogue took the copy for a complete one. */
function planAgain({ catalog, copies }: RescueParts, { archiveId, location }: CheckFinding): boolean {
  const archive = archiveId === null ? null : catalog.archives.get(archiveId);
  const copy = archive === null ? null : copies.get(archive.number);
  if (archive === null || copy?.state !== "verified" || copy.location !== location) {
    return false;
  }
  copies.setState(archive.number, "planned");
  return true;
}
