import { asciiJson, onOneLine } from "../settings/safe-text.ts";
import { wrapped } from "../settings/wrapped.ts";
import type { CopyFinding, CopyResult, CopyTotals } from "./run-copy.ts";

/** Both ends, for people. */
export interface Ends {
  readonly from: string;
  readonly to: string;
}

export interface CopyReport {
  finding(finding: CopyFinding): void;
  progress(totals: Readonly<CopyTotals>): void;
  result(result: CopyResult, ends: Ends): void;
  /** An earlier run has completed the copy. */
  completeAlready(ends: Ends): void;
}

const indent = "    ";

/** @param showProgress replaces the line of progress; with an empty one, removes it. */
export function textReport(
  write: (line: string) => void,
  width: number,
  showProgress: (line: string) => void,
): CopyReport {
  const line = (text: string) => {
    showProgress("");
    write(wrapped(onOneLine(text), width - indent.length).replaceAll("\n", `\n${indent}`));
  };
  return {
    finding({ code, message, segment }) {
      line(`${code}: ${segment === undefined ? "" : `${segment}: `}${message}`);
    },
    progress: ({ segments, copiedBytes, rows }) =>
      showProgress(`${segments} segments (${copiedBytes} bytes copied by this run), ${rows} rows`),
    result: (result, ends) => sentencesOf(result, ends).forEach(line),
    completeAlready: ({ from, to }) => line(`the copy of ${from} to ${to} is complete already`),
  };
}

function sentencesOf({ totals, isComplete }: CopyResult, { from, to }: Ends): string[] {
  const { segments, copiedSegments, copiedBytes, rows, findings } = totals;
  const copied = `${segments} segments (${copiedSegments} of them, ${copiedBytes} bytes, by this run) and ${rows} rows`;
  if (!isComplete) {
    return [
      `damage was found in ${findings} places; all else was copied: ${copied}. Servers refuse the copy, and accept ${from} as before`,
      "to do: repair what was named (moraine repair, or a backup), and run the same command again; or add --accept-damage, and the copy has it as damaged too",
    ];
  }
  return [
    `the copy of ${from} to ${to} is complete: ${copied}, all compared`,
    ...(findings === 0 ? [] : [`damage was found in ${findings} places, and accepted`]),
    `servers refuse ${from} from now on. Start them with ${to}, the same sealing key, root key, --account and --region; keep ${from} until that works`,
  ];
}

export function jsonReport(write: (line: string) => void): CopyReport {
  return {
    finding: (finding) => write(asciiJson({ type: "finding", ...finding })),
    progress: () => undefined,
    result: ({ totals, isComplete, tables }, ends) =>
      write(asciiJson({ type: "copy", ...ends, complete: isComplete, ...totals, tables })),
    completeAlready: (ends) => write(asciiJson({ type: "copy", ...ends, complete: true, already: true })),
  };
}
