import { messageOf } from "../exit-codes.ts";
import type { ReportEvent } from "../transfers/report-event.ts";
import { onOneLine } from "./printable.ts";

/** Describes an event in one line for a person. */
export function sentenceOf(event: Exclude<ReportEvent, { kind: "progress" }>): string {
  switch (event.kind) {
    case "job":
      return onOneLine(`job ${event.jobId} ${jobWords[event.state]}`);
    case "warning": {
      const where = event.range === undefined ? "" : ` (range ${rangeText(event.range)})`;
      return onOneLine(`warning: ${event.message}${where}`);
    }
    case "file": {
      const { state, path, archivePath, archiveId, message } = event;
      const renamed = archivePath === undefined ? undefined : `its path is ${archivePath}`;
      const details = [archiveId === path ? undefined : archiveId, renamed, message].filter(
        (text) => text !== undefined,
      );
      return onOneLine([`${fileWords[state]} ${path}`, ...details].join(": "));
    }
    case "retry": {
      const seconds = Math.ceil(event.pauseMilliseconds / 1000);
      return onOneLine(`attempt ${event.attempts} failed, retrying in ${seconds} s: ${messageOf(event.error)}`);
    }
    case "range-failed": {
      const next = event.final ? "giving up" : "retrying";
      return onOneLine(`range ${rangeText(event.range)} failed, ${next}: ${messageOf(event.error)}`);
    }
  }
}

export const rangeText = ({ firstByte, lastByte }: { readonly firstByte: number; readonly lastByte: number }) =>
  `${firstByte}-${lastByte}`;

const fileWords = {
  sent: "sent",
  known: "the vault has",
  unknown: "not known whether the vault has",
  fetched: "fetched",
  present: "the folder has",
  deleted: "deleted",
  absent: "did not exist:",
  "left-out": "left out",
  failed: "failed:",
} as const;

const jobWords = {
  started: "was started",
  reused: "already exists",
  waiting: "is in progress",
  succeeded: "has succeeded",
  expired: "has expired; starting another one",
} as const;
