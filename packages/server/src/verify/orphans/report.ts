import { asciiJson } from "../../settings/safe-text.ts";
import type { Finding } from "../finding.ts";
import { counted, findingJson, findingText, indentedTo } from "../report.ts";
import type { ReconcileTotals } from "./reconcile.ts";

/** Prints each finding when it is found, and keeps none. */
export interface Report {
  finding(finding: Finding): void;
  summary(summary: Summary): void;
}

export interface Summary extends ReconcileTotals {
  readonly findings: number;
  readonly olderThanSeconds: number;
  /** False when the time was over before everything had been compared. */
  readonly isComplete: boolean;
}

export function textTo(write: (line: string) => void, width: number): Report {
  const indented = indentedTo(width);
  return {
    finding: (finding) => write(findingText(finding, width)),
    summary({ findings, objects, bytes, segments, young, olderThanSeconds, isComplete }) {
      const sentences = [
        findings === 0 ? "nothing found" : counted(findings, "finding"),
        `compared ${counted(objects, "object")} of ${counted(bytes, "byte")} with ${counted(segments, "row")}`,
        ...(young === 0
          ? []
          : [`${counted(young, "object")} without a row changed within ${olderThanSeconds} seconds: not judged`]),
        ...(isComplete ? [] : ["stopped by --max-duration before everything was compared"]),
      ];
      for (const sentence of sentences) {
        write(indented(sentence));
      }
    },
  };
}

export function jsonTo(write: (line: string) => void): Report {
  return {
    finding: (finding) => write(findingJson(finding)),
    summary: (summary) => write(asciiJson({ type: "summary", ...summary })),
  };
}
