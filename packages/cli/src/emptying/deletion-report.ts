import { messageOf } from "../exit-codes.ts";
import { onOneLine, printableJson } from "../terminal/printable.ts";
import type { DeletionCounts } from "./delete-archives.ts";

export interface ReportOptions {
  readonly vault: string;
  /** The archives that are to be deleted. */
  readonly total: number;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WriteStream;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
}

const frameMilliseconds = 250;
const jsonMilliseconds = 1000;
const logMilliseconds = 60_000;

/** Shows how far the deletion is: a line that is drawn again on a terminal, a line a minute elsewhere, or events as JSON. */
export class DeletionReport {
  readonly #options: ReportOptions;
  readonly #startedAt = performance.now();
  #shownAt = performance.now();
  #failureShownAt = Number.NEGATIVE_INFINITY;
  #isLineOpen = false;
  #last: DeletionCounts | null = null;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  progress(counts: DeletionCounts): void {
    this.#last = counts;
    const { isJson, stderr } = this.#options;
    const pause = isJson ? jsonMilliseconds : stderr.isTTY ? frameMilliseconds : logMilliseconds;
    if (performance.now() - this.#shownAt >= pause) {
      this.#shownAt = performance.now();
      this.#show(counts);
    }
  }

  /** An attempt that failed and is repeated: at most one line a minute, since an outage has many. */
  retry(error: Error): void {
    if (performance.now() - this.#failureShownAt >= logMilliseconds) {
      this.#failureShownAt = performance.now();
      this.note("retry", `a request failed and is repeated: ${messageOf(error)}`, {});
    }
  }

  /** A line about one archive or about the vault; with `--json` an event with the facts. */
  note(event: string, sentence: string, facts: object): void {
    const { isJson, isQuiet, stdout, stderr } = this.#options;
    if (isJson) {
      stdout.write(`${printableJson({ event, ...facts, message: sentence })}\n`);
    } else if (!isQuiet || event === "kept") {
      this.end();
      stderr.write(`moraine: ${onOneLine(sentence)}\n`);
    }
  }

  /** Ends the line that is drawn again. */
  end(): void {
    if (this.#isLineOpen) {
      this.#isLineOpen = false;
      this.#options.stderr.write("\n");
    }
  }

  /** The last counts, with `--json`. */
  finish(): void {
    if (this.#last !== null && this.#options.isJson) {
      this.#show(this.#last);
    }
    this.end();
  }

  #show(counts: DeletionCounts): void {
    const { isJson, isQuiet, total, stdout, stderr } = this.#options;
    if (isJson) {
      stdout.write(`${printableJson({ event: "progress", total, ...counts })}\n`);
    } else if (!isQuiet && stderr.isTTY) {
      this.#isLineOpen = true;
      stderr.write(`\r\x1b[K${this.#line(counts).slice(0, (stderr.columns ?? 80) - 1)}`);
    } else if (!isQuiet) {
      stderr.write(`moraine: ${this.#line(counts)}\n`);
    }
  }

  #line({ deleted, kept, denied }: DeletionCounts): string {
    const { vault, total } = this.#options;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const done = deleted + kept + denied;
    const rate = done / Math.max(seconds, 0.001);
    const left = rate === 0 ? "" : `  ${Math.ceil(Math.max(0, total - done) / rate)} s left`;
    const others = [...(kept > 0 ? [`${kept} kept`] : []), ...(denied > 0 ? [`${denied} denied`] : [])];
    return [`${vault}  ${deleted} of ${total} deleted`, `${Math.round(rate)}/s${left}`, ...others].join("  ");
  }
}
