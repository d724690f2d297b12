import { millisecondsPer } from "@moraine/protocol";
import type { CommandContext } from "../../context/tools.ts";
import { onOneLine, printable, printableJson } from "../../terminal/printable.ts";
import type { RescueEvent, RescueSnapshot } from "../rescue-event.ts";
import { snapshotLine } from "./snapshot-text.ts";

/** Shows a rescue while it runs. */
export interface RescueReport {
  onEvent(event: RescueEvent): void;
  /** Called about once a second. */
  onSnapshot(snapshot: RescueSnapshot): void;
  /** Called once, at the end. */
  close(): void;
}

/** Failures are written one by one up to this number in a minute; then they are counted. */
const failuresShownMax = 20;

type Streams = Pick<CommandContext, "stdout" | "stderr" | "options">;

/** A line that is redrawn on a terminal, a line a minute for a log, JSON lines, or only what went wrong. */
export function rescueReport({ stdout, stderr, options }: Streams): RescueReport {
  const { json = false, quiet = false } = options();
  if (json) {
    return jsonReport(stdout);
  }
  const write = (line: string) => stderr.write(`moraine: ${onOneLine(line)}\n`);
  if (quiet) {
    return { onEvent: failureWriter(write), onSnapshot: () => undefined, close: () => undefined };
  }
  return stderr.isTTY ? terminalReport(stderr) : logReport(write);
}

function terminalReport(stderr: NodeJS.WriteStream): RescueReport {
  let last = "";
  const draw = (text: string) => {
    const width = (stderr.columns || 80) - 1;
    last = text;
    stderr.write(`\r\x1b[K${printable(text).slice(0, width)}`);
  };
  const write = failureWriter((line) => {
    stderr.write(`\r\x1b[Kmoraine: ${onOneLine(line)}\n`);
    draw(last);
  });
  return {
    onEvent: write,
    onSnapshot: (snapshot) => draw(snapshotLine(snapshot)),
    close: () => void stderr.write("\r\x1b[K"),
  };
}

function logReport(write: (line: string) => void): RescueReport {
  let nextAt = performance.now() + millisecondsPer.minute;
  return {
    onEvent: failureWriter(write),
    onSnapshot(snapshot) {
      if (performance.now() >= nextAt) {
        nextAt += millisecondsPer.minute;
        write(snapshotLine(snapshot));
      }
    },
    close: () => undefined,
  };
}

function jsonReport(stdout: NodeJS.WritableStream): RescueReport {
  const write = (event: string, fields: object) => stdout.write(`${printableJson({ event, ...fields })}\n`);
  return {
    onEvent: ({ kind, ...fields }) => void write(kind, fields),
    onSnapshot: (snapshot) => void write("progress", snapshot),
    close: () => undefined,
  };
}

/** Writes events as sentences: warnings, waits, and the first failures of each minute. */
function failureWriter(write: (line: string) => void): RescueReport["onEvent"] {
  const failures = new FailureLines(write);
  return (event) => {
    if (event.kind === "warning") {
      write(`warning: ${event.message}`);
    } else if (event.kind !== "waiting") {
      failures.push(sentenceOf(event));
    } else if (event.reason !== "ahead") {
      // Waiting until more can be fetched is the usual state of a rescue that its line limits.
      write(event.message);
    }
  };
}

class FailureLines {
  readonly #write: (line: string) => void;
  #minuteEndsAt = 0;
  #shown = 0;
  #hidden = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  push(line: string): void {
    if (performance.now() >= this.#minuteEndsAt) {
      this.#beginMinute();
    }
    if (this.#shown < failuresShownMax) {
      this.#shown += 1;
      this.#write(line);
    } else {
      this.#hidden += 1;
    }
  }

  #beginMinute(): void {
    if (this.#hidden > 0) {
      this.#write(`${this.#hidden} more failures and expired jobs in the minute before`);
    }
    this.#minuteEndsAt = performance.now() + millisecondsPer.minute;
    this.#shown = 0;
    this.#hidden = 0;
  }
}

function sentenceOf(event: Exclude<RescueEvent, { kind: "waiting" | "warning" }>): string {
  if (event.kind === "job-expired") {
    return `the output of job ${event.jobId} has expired; another job is requested`;
  }
  const { path, archiveId, reason, final } = event;
  return `${path === "" ? archiveId : path}: ${reason}${final ? "; given up until the next run" : "; trying again"}`;
}
