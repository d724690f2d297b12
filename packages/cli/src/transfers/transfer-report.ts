import { exitCodeOf, messageOf } from "../exit-codes.ts";
import { rangeText, sentenceOf } from "../terminal/event-sentence.ts";
import { printableJson } from "../terminal/printable.ts";
import { ProgressLine } from "../terminal/progress-line.ts";
import { isRoutine, type ReportEvent } from "./report-event.ts";

/** Receives the events of a transfer, and its result or error. */
export interface TransferReport {
  onEvent(event: ReportEvent): void;
  done(result: object): void;
  failed(error: unknown): void;
}

/** Redraws of the progress line. */
const framesPerSecond = 4;
/** Minimum time between two lines of progress. */
const lineMilliseconds = 1000;

/**
 * Draws a progress line again and again, with warnings above it.
 *
 * @param givesWay ends the line with the first byte of output, which goes to the same terminal.
 */
export async function terminalReport(
  stream: NodeJS.WriteStream,
  { name, givesWay, print }: { name: string; givesWay: boolean; print: (result: object) => void },
): Promise<TransferReport> {
  const { default: progress } = await import("cli-progress");
  const line = new ProgressLine(name);
  const bars = new progress.MultiBar({
    stream,
    fps: framesPerSecond,
    clearOnComplete: true,
    gracefulExit: false,
    // Without it, a second Ctrl-C would leave the terminal with line wrapping off.
    linewrap: true,
    forceRedraw: true,
    // The library counts units; bytes, rate and time are formatted here.
    format: (_, { maxWidth }) => line.text(performance.now(), maxWidth),
  });
  bars.create(1, 0);
  let isDrawn = true;
  const end = () => {
    if (isDrawn) {
      isDrawn = false;
      bars.stop();
    }
  };
  const say = (text: string) => {
    if (isDrawn) {
      bars.log(text);
      // Stopping the bars discards lines that have not been written.
      bars.update();
    } else {
      stream.write(text);
    }
  };
  return {
    onEvent(event) {
      if (event.kind === "progress" && givesWay) {
        end();
      } else if (event.kind === "progress") {
        line.progress(event, performance.now());
      } else if (event.kind === "job" && event.state === "waiting") {
        line.waiting(event.jobId, performance.now());
      } else if (!isRoutine(event)) {
        say(`moraine: ${sentenceOf(event)}\n`);
      }
    },
    done(result) {
      end();
      print(result);
    },
    failed: end,
  };
}

/** Prints warnings and the result only. */
export function quietReport(write: (line: string) => void, print: (result: object) => void): TransferReport {
  return {
    onEvent(event) {
      const isFailedFile = event.kind === "file" && (event.state === "failed" || event.state === "unknown");
      if (event.kind === "warning" || isFailedFile) {
        write(sentenceOf(event));
      }
    },
    done: print,
    failed: () => undefined,
  };
}

/** Prints one JSON object for each event; progress once a second, and the last one at the end. */
export function lineReport(stream: NodeJS.WritableStream): TransferReport {
  const write = (event: object) => void stream.write(`${printableJson(event)}\n`);
  let last = Number.NEGATIVE_INFINITY;
  let held: ReportEvent | null = null;
  const flush = () => {
    if (held !== null) {
      write(eventLine(held));
      held = null;
    }
  };
  return {
    onEvent(event) {
      if (event.kind !== "progress") {
        write(eventLine(event));
        return;
      }
      held = event;
      if (performance.now() - last >= lineMilliseconds) {
        last = performance.now();
        flush();
      }
    },
    done(result) {
      flush();
      write({ event: "done", ...result });
    },
    failed(error) {
      flush();
      const name = error instanceof Error ? error.name : "Error";
      write({ event: "failed", error: name, message: messageOf(error), exitCode: exitCodeOf(error) });
    },
  };
}

function eventLine({ kind, ...event }: ReportEvent): object {
  return {
    event: kind,
    ...event,
    ...("range" in event && event.range && { range: rangeText(event.range) }),
    ...("error" in event && { error: event.error.name, message: messageOf(event.error) }),
  };
}
