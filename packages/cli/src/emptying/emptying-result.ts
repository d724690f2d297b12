import { bytesInWords } from "../arguments/sizes.ts";
import type { EmptyingResult } from "./empty-vault.ts";
import type { EmptyingSurvey } from "./survey.ts";
import { archivesInWords, lockedInWords } from "./survey-text.ts";

/** Error thrown when archives stay because their copies are missing, changed or not checked, or because nothing is known of a copy. */
export class ArchivesKeptError extends Error {
  override readonly name = "ArchivesKeptError";
}

/** Error thrown when archives stay because the vault's lock protects them. */
export class ArchivesLockedError extends Error {
  override readonly name = "ArchivesLockedError";
}

/** Error thrown when archives stay because a policy denies their deletion. */
export class ArchivesDeniedError extends Error {
  override readonly name = "ArchivesDeniedError";
}

/** Formats the deletions for a person. */
export function deletedText(vaultName: string, { deleted, deletedBytes, missing }: EmptyingResult): string {
  const gone = missing > 0 ? `; ${missing} of them did not exist any more` : "";
  return `Deleted ${archivesInWords(deleted)} (${bytesInWords(deletedBytes)}) of vault ${vaultName}${gone}.`;
}

/** Returns what is to be said of the vault itself. */
export function endLines(vaultName: string, end: "deleted" | "closed" | null): readonly string[] {
  if (end === "deleted") {
    return [`Deleted vault ${vaultName}.`];
  }
  const closed =
    "AWS has closed this API to the account, as it does to accounts without archives: nothing is left to do.";
  return end === "closed" ? [closed] : [];
}

/**
 * Throws the reason for which archives stay that were to be deleted, or for which the vault does.
 *
 * @param left archives of the catalogue that exist, where the vault was to be deleted with them.
 */
export function assertComplete(
  { kept, denied, left }: EmptyingResult & { readonly left: number },
  { locked }: EmptyingSurvey,
): void {
  if (kept > 0) {
    throw new ArchivesKeptError(
      `kept ${archivesInWords(kept)}, whose copies are missing, changed or could not be read`,
    );
  }
  if (denied > 0) {
    throw new ArchivesDeniedError(`kept ${archivesInWords(denied)}, whose deletion a policy denies`);
  }
  if (locked.archives > 0) {
    throw new ArchivesLockedError(lockedInWords(locked));
  }
  if (left > 0) {
    throw new ArchivesKeptError(
      `the vault was not deleted: it has ${archivesInWords(left)} that ${left === 1 ? "was" : "were"} not to be deleted, for want of a verified copy or because the catalogue got ${left === 1 ? "it" : "them"} meanwhile`,
    );
  }
}
