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
    progress: ({ segments, copiedBytes, readBytes, rows }) =>
      showProgress(`${segments} segments (${copiedBytes + readBytes} bytes by this run), ${rows} rows`),
    result: (result, ends) => sentencesOf(result, ends).forEach(line),
    completeAlready: ({ from, to }) => line(`the copy of ${from} to ${to} is complete already`),
  };
}

function sentencesOf(result: CopyResult, ends: Ends): string[] {
  return result.isComplete ? completeSentences(result, ends) : incompleteSentences(result, ends);
}

function contentsOf({ totals, isInPlace }: CopyResult): string {
  const { segments, copiedSegments, copiedBytes, readSegments, readBytes, rows } = totals;
  const moved = isInPlace
    ? `${segments} segments that stay in their bucket (${readSegments} of them checked, and ${readBytes} bytes read, by this run)`
    : `${segments} segments (${copiedSegments} of them, ${copiedBytes} bytes, by this run)`;
  return `${moved} and ${rows} rows`;
}

function incompleteSentences(result: CopyResult, { from }: Ends): string[] {
  const { findings, coldSegments } = result.totals;
  const hasCold = coldSegments > 0 && !result.isInPlace;
  const places = [
    ...(findings > 0 ? [`damage was found in ${findings} places`] : []),
    ...(hasCold ? [`${coldSegments} segments are in a cold class of the bucket`] : []),
  ];
  return [
    `${places.join(", and ")}; all else was copied: ${contentsOf(result)}. Servers refuse the copy, ${result.isMoved ? `and ${from} too, whose bucket is the copy's already` : `and accept ${from} as before`}`,
    ...(findings > 0
      ? [
          "to do: repair what was named (moraine repair, or a backup), and run the same command again; or add --accept-damage, and the copy has it as damaged too",
        ]
      : []),
    ...(hasCold
      ? [
          "to do: have the store restore the segments that were named as segment-cold, by its own means, and run the same command again; or copy to the same bucket and prefix, where they stay",
        ]
      : []),
  ];
}

function completeSentences(result: CopyResult, { from, to }: Ends): string[] {
  const { findings, coldSegments } = result.totals;
  const keep = result.isInPlace
    ? `the bucket belongs to ${to} now: to go back, copy back`
    : `keep ${from} until that works`;
  return [
    `the copy of ${from} to ${to} is complete: ${contentsOf(result)}; all rows were compared`,
    ...(coldSegments === 0
      ? []
      : [
          `${coldSegments} segments are in a cold class: it was checked that they exist with a length that fits, and no more`,
        ]),
    ...(findings === 0 ? [] : [`damage was found in ${findings} places, and accepted`]),
    `servers refuse ${from} from now on. Start them with ${to}, the same sealing key, root key, --account and --region; ${keep}`,
  ];
}

export function jsonReport(write: (line: string) => void): CopyReport {
  return {
    finding: (finding) => write(asciiJson({ type: "finding", ...finding })),
    progress: () => undefined,
    result: ({ totals, isComplete, isInPlace, tables }, ends) =>
      write(asciiJson({ type: "copy", ...ends, complete: isComplete, inPlace: isInPlace, ...totals, tables })),
    completeAlready: (ends) => write(asciiJson({ type: "copy", ...ends, complete: true, already: true })),
  };
}
