import { messageOf } from "../exit-codes.ts";
import type { ReportEvent } from "../transfers/report-event.ts";
import { onOneLine } from "./printable.ts";

/** One line for a person. */
export function sentenceOf(event: Exclude<ReportEvent, { kind: "progress" }>): string {
  switch (event.kind) {
    case "job":
      return onOneLine(`job ${event.jobId} ${jobWords[event.state]}`);
    case "warning": {
      const where = event.range === undefined ? "" : ` (range ${rangeText(event.range)})`;
      return onOneLine(`warning: ${event.message}${where}`);
    }
    case "retry": {
      const seconds = Math.ceil(event.pauseMilliseconds / 1000);
      return onOneLine(
        `attempt ${event.attempts} failed, the next one follows in ${seconds} s: ${messageOf(event.error)}`,
      );
    }
    case "range-failed": {
      const next = event.final ? "and is given up" : "and is tried again";
      return onOneLine(`range ${rangeText(event.range)} failed, ${next}: ${messageOf(event.error)}`);
    }
  }
}

export const rangeText = ({ firstByte, lastByte }: { readonly firstByte: number; readonly lastByte: number }) =>
  `${firstByte}-${lastByte}`;

const jobWords = {
  started: "is started",
  reused: "is there already",
  waiting: "is under way",
  succeeded: "has succeeded",
  expired: "has expired; another one follows",
} as const;
