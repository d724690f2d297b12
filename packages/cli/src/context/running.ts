import type { Command } from "commander";
import type { LogFile } from "./log-file.ts";

/** The command that runs, once arguments have been read. */
export interface RunState {
  command: Command;
  /** The arguments as they were given. */
  readonly args: readonly string[];
  /** How to resume the command, set when its transfer has failed. */
  resumeHint: string | null;
  /** A result that the service returns only once, as a sentence for standard error in case standard output fails. */
  unprinted: string | null;
  /** Whether what it prints is all of its result. Then a reader that closes the pipe, as `head` does, is no failure. */
  isOutput: boolean;
  /** The file of `--log-file`. */
  log: LogFile | null;
}
