import { openSync, writeSync } from "node:fs";
import { UsageError } from "../exit-codes.ts";
import { onOneLine } from "../terminal/printable.ts";

/** Appends lines to a file, each with its time. */
export class LogFile {
  readonly #descriptor: number;
  readonly #onFailure: (error: Error) => void;
  #hasFailed = false;

  /** Throws UsageError when the file cannot be opened. @param onFailure called once, for a line that cannot be written. */
  constructor(name: string, path: string, onFailure: (error: Error) => void) {
    try {
      this.#descriptor = openSync(path, "a", 0o600);
    } catch (error) {
      throw new UsageError(`cannot open the log file ${name}: ${(error as Error).message}`, { cause: error });
    }
    this.#onFailure = onFailure;
  }

  write(line: string): void {
    try {
      writeSync(this.#descriptor, `${new Date().toISOString()} ${onOneLine(line)}\n`);
    } catch (error) {
      if (!this.#hasFailed) {
        this.#hasFailed = true;
        this.#onFailure(error as Error);
      }
    }
  }
}
