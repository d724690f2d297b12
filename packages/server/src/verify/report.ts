import { asciiJson, onOneLine } from "../settings/safe-text.ts";
import { wrapped } from "../settings/wrapped.ts";
import { adviceFor, type Finding } from "./finding.ts";
import type { MirrorState } from "./open-mirror.ts";
import type { Level, Subset, Totals } from "./verification.ts";

/** Prints each finding when it is found, and keeps none. */
export interface Report {
  finding(finding: Finding): void;
  summary(totals: Totals, ending: Ending): void;
}

export interface Ending {
  /** Where the database was read, for people. */
  readonly source: string;
  readonly level: Level;
  readonly subset: Subset | null;
  readonly mirror: MirrorState["state"];
  /** Whether the sealing key was there, with which the MACs of rows are checked. */
  readonly hasRowKey: boolean;
  /** False when the time was over before everything had been checked. */
  readonly isComplete: boolean;
}

const indent = "    ";

const mirrorSentences: Readonly<Record<MirrorState["state"], readonly string[]>> = {
  none: [],
  unread: ["the mirror was not read: give --mirror DIR"],
  read: ["the copies in the mirror were checked in the same way"],
};

/** Wraps text, and indents it from the second line on. */
export const indentedTo = (width: number) => (text: string) =>
  wrapped(onOneLine(text), width - indent.length).replaceAll("\n", `\n${indent}`);

/** A paragraph: the code and what is wrong, then a line for each thing concerned and one for what to do. */
export function findingText({ code, message, ...subject }: Finding, width: number): string {
  const indented = indentedTo(width);
  const names = Object.entries(subject).filter(([, value]) => value !== undefined);
  const lines = [...names.map(([name, value]) => `${name}: ${value}`), `to do: ${adviceFor({ code, ...subject })}`];
  return [indented(`${code}: ${message}`), ...lines.map((line) => `  ${indented(line)}`)].join("\n");
}

export const findingJson = (finding: Finding): string =>
  asciiJson({ type: "finding", ...finding, advice: adviceFor(finding) });

/** Findings as paragraphs, and a summary. */
export function textTo(write: (line: string) => void, width: number): Report {
  const indented = indentedTo(width);
  return {
    finding: (finding) => write(findingText(finding, width)),
    summary(totals, ending) {
      for (const sentence of sentencesOf(totals, ending)) {
        write(indented(sentence));
      }
    },
  };
}

function sentencesOf(totals: Totals, { source, level, subset, mirror, hasRowKey, isComplete }: Ending): string[] {
  const { findings, vaults, archives, segments, cold, bytes, auditEntries } = totals;
  const part = subset === null ? "" : ` of part ${subset.index} of ${subset.count}`;
  const depth =
    level === "quick" ? `footers${part} read (--deep reads the bytes)` : `${counted(bytes, "byte")}${part} read`;
  const notes: ReadonlyArray<[isSaid: boolean, sentence: string]> = [
    [cold > 0, `${counted(cold, "segment")} must be restored to be read: only presence and length were checked`],
    [!hasRowKey, "rows were not compared with their MACs: give --sealing-key FILE, as the server has it"],
    [!isComplete, "stopped by --max-duration before everything was checked; --subset checks a part"],
  ];
  return [
    findings === 0 ? "no damage found" : `${counted(findings, "finding")}: damage found`,
    `checked ${counted(vaults, "vault")}, ${counted(archives, "archive")}, ${counted(segments, "segment")}, ` +
      `${counted(auditEntries, "audit entry", "audit entries")}; ${depth}; ${source}`,
    ...mirrorSentences[mirror],
    ...notes.filter(([isSaid]) => isSaid).map(([, sentence]) => sentence),
  ];
}

export function jsonTo(write: (line: string) => void): Report {
  return {
    finding: (finding) => write(findingJson(finding)),
    summary: (totals, ending) => write(asciiJson({ type: "summary", ...totals, ...ending })),
  };
}

export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
