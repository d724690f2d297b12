import type { Command } from "commander";
import type { LogFile } from "./log-file.ts";

/** The command that runs, once arguments have been read. */
export interface Running {
  command: Command;
  /** How it would go on, were it broken off now. */
  goOn: string | null;
  /** Of `--log-file`. */
  log: LogFile | null;
}
