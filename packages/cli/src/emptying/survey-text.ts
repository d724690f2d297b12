import { bytesInWords } from "../arguments/sizes.ts";
import { printableJson } from "../terminal/printable.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { listing } from "../terminal/table.ts";
import type { LockRules } from "./lock-rules.ts";
import type { EmptyingSurvey, SurveyCount } from "./survey.ts";

/** The facts that a person must know before archives are deleted. */
export interface EmptyingFacts {
  readonly vault: string;
  readonly survey: EmptyingSurvey;
  readonly rules: LockRules;
  /** The date of the inventory that the catalogue is of. */
  readonly asOf: Date | null;
  /** The service's own count of archives, and its date. */
  readonly counted: { readonly archives: number; readonly at: string | null } | null;
  /** Where the manifest is, for `--only-verified`. */
  readonly manifest: string | null;
  /** The part of each copy that is checked before its archive is deleted: its bytes, its line in the inventory of a vault, or none. */
  readonly check: "bytes" | "list" | "none";
  /** The fee for what AWS would bill as deleted early; null for another service. */
  readonly earlyDeletionUsd: number | null;
  readonly deletesVault: boolean;
  /** Whether no other vault of the region has archives. */
  readonly isLastVault: boolean;
}

/** Formats what would be deleted and what would stay. */
export function surveyText(facts: EmptyingFacts): string {
  const { vault, survey, asOf, manifest, earlyDeletionUsd } = facts;
  const counts = listing({
    vault,
    "as of": asOf?.toISOString() ?? "an unknown time",
    archives: inWords(survey.all),
    "to delete": inWords(survey.selected),
    ...(survey.locked.archives > 0 && { locked: inWords(survey.locked) }),
    [manifest === null ? "without a verified copy" : "not in the manifest"]: inWords(survey.unverified),
    ...(earlyDeletionUsd !== null && { "early deletion": `$${earlyDeletionUsd.toFixed(2)}` }),
  });
  return [counts, ...unverifiedLines(survey), ...warningsOf(facts)].join("\n");
}

/** The archives that the lock protects, and until when. */
export function lockedInWords({ archives, firstAllowedAt, lastAllowedAt }: EmptyingSurvey["locked"]): string {
  const who = `${archivesInWords(archives)} ${archives === 1 ? "is" : "are"}`;
  if (firstAllowedAt === null || lastAllowedAt === null) {
    return `${who} protected by the vault's lock, which never allows a deletion`;
  }
  const until = `allowed from ${firstAllowedAt.toISOString()}`;
  const last =
    firstAllowedAt.getTime() === lastAllowedAt.getTime() ? "" : `, the last from ${lastAllowedAt.toISOString()}`;
  return `${who} protected by the vault's lock: deletion is ${until}${last}`;
}

export const archivesInWords = (count: number): string => `${count} ${count === 1 ? "archive" : "archives"}`;

function unverifiedLines({ unverified }: EmptyingSurvey): string[] {
  const { archives, examples } = unverified;
  const more = archives - examples.length;
  return [
    ...examples.map((example) => `  ${printableJson(example)}`),
    ...(more > 0 && examples.length > 0 ? [`  and ${more} more`] : []),
  ];
}

/** The warnings that a script's log has to have as well. */
export function lossWarnings({ survey, manifest, isLastVault }: EmptyingFacts): string[] {
  if (survey.selected.archives === 0) {
    return [];
  }
  const { unverified } = survey;
  return [
    ...(manifest === null && unverified.archives > 0
      ? [
          `No verified copy is known of ${archivesInWords(unverified.archives)} (${bytesInWords(unverified.bytes)}): lost after this, unless a lock keeps them`,
        ]
      : []),
    ...(isLastVault ? [lastVaultWarning] : []),
  ];
}

const lastVaultWarning =
  "No other vault of this region has archives: after the last one AWS may close this API to the account, " +
  "and you may not be able to come back.";

function warningsOf(facts: EmptyingFacts): string[] {
  const { vault, survey, rules, deletesVault, isLastVault } = facts;
  return [
    ...(survey.locked.archives > 0 ? [`${lockedInWords(survey.locked)}.`] : []),
    ...rules.undecided.map((name) => `The vault's lock may deny deletions: ${name}.`),
    ...outdatedWarning(facts),
    ...copiesWarning(facts),
    ...(deletesVault ? [`Vault ${vault} is deleted after its archives.`] : []),
    ...(isLastVault ? [lastVaultWarning] : []),
  ];
}

function outdatedWarning({ vault, survey, counted }: EmptyingFacts): string[] {
  if (counted === null || counted.archives <= survey.all.archives) {
    return [];
  }
  const at = counted.at === null ? "" : ` as of ${counted.at}`;
  return [
    `The vault has ${archivesInWords(counted.archives)}${at}, more than the catalogue. The others stay; ` +
      `this adds them to the catalogue: moraine catalog import ${shellWord(vault)}`,
  ];
}

function copiesWarning({ survey, manifest, check }: EmptyingFacts): string[] {
  if (manifest === null) {
    return survey.unverified.archives > 0
      ? ["Archives without a verified copy are lost. To keep them: --only-verified MANIFEST"]
      : [];
  }
  return [checks[check]];
}

const checks: Readonly<Record<EmptyingFacts["check"], string>> = {
  bytes: "Each copy is read back before its archive is deleted.",
  list: "Each copy is looked for in an inventory of its vault before its archive is deleted. Its bytes are not read.",
  none: "The copies are not checked: the manifest is trusted.",
};

const inWords = ({ archives, bytes }: SurveyCount) => (archives === 0 ? "0" : `${archives} (${bytesInWords(bytes)})`);
