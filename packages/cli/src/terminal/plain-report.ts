import type { JobEvent } from "@moraine/client/node";
import { millisecondsPer } from "@moraine/protocol";
import { isRoutine, type ReportEvent } from "../transfers/report-event.ts";
import type { TransferReport } from "../transfers/transfer-report.ts";
import { sentenceOf } from "./event-sentence.ts";
import { ProgressLine } from "./progress-line.ts";

const progressWidth = 100;

export interface PlainReportOptions {
  readonly name: string;
  /** Whether each failed attempt is written at once, instead of the newest one each minute. */
  readonly isVerbose: boolean;
  write(line: string): void;
  print(result: object): void;
}

/** Writes lines for a log: states of jobs, warnings, and progress once a minute. */
export function plainReport({ name, isVerbose, write, print }: PlainReportOptions): TransferReport {
  const progress = new ProgressLine(name);
  const failures = new FailureLines(write);
  let shownJob: string | null = null;
  const waiting = (event: JobEvent) => {
    progress.waiting(event.jobId, performance.now());
    if (shownJob !== event.jobId) {
      shownJob = event.jobId;
      write(sentenceOf(event));
    }
  };
  const timer = setInterval(() => {
    failures.minute();
    write(progress.text(performance.now(), progressWidth));
  }, millisecondsPer.minute).unref();
  return {
    onEvent(event) {
      if (event.kind === "progress") {
        progress.progress(event, performance.now());
      } else if (event.kind === "job" && event.state === "waiting") {
        waiting(event);
      } else if (isVerbose || (isLine(event) && !isRoutine(event))) {
        write(sentenceOf(event));
      } else if (!isLine(event)) {
        failures.push(sentenceOf(event));
      }
    },
    done(result) {
      clearInterval(timer);
      print(result);
    },
    failed: () => clearInterval(timer),
  };
}

/** Whether an event gets a line of its own; attempts that failed are too many for that. */
const isLine = ({ kind }: ReportEvent): boolean => kind === "job" || kind === "warning" || kind === "file";

/** Writes the first failure, and then the newest one each minute: an outage has many. */
class FailureLines {
  readonly #write: (line: string) => void;
  #newest: string | null = null;
  #isWithinMinute = false;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  push(line: string): void {
    if (this.#isWithinMinute) {
      this.#newest = line;
    } else {
      this.#isWithinMinute = true;
      this.#write(line);
    }
  }

  minute(): void {
    this.#isWithinMinute = this.#newest !== null;
    if (this.#newest !== null) {
      this.#write(this.#newest);
      this.#newest = null;
    }
  }
}
