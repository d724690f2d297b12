import type { Command } from "commander";
import type { LogFile } from "./log-file.ts";

/** The command that runs, once arguments have been read. */
export interface RunState {
  command: Command;
  /** As they were given. */
  readonly args: readonly string[];
  /** How it would go on, were it broken off now. */
  goOn: string | null;
  /** A sentence with the result that standard error gets if standard output does not take it: it is told once. */
  unprinted: string | null;
  /** Its result is what it writes: a reader that has seen enough is no failure. */
  isOutput: boolean;
  /** The file of `--log-file`. */
  log: LogFile | null;
}
