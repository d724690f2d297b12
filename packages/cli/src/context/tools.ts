import type { AdminClient, GlacierClient } from "@moraine/client";
import type { ReportEvent } from "../transfers/report-event.ts";
import type { GlobalOptions } from "./global-options.ts";

/** The environment of the command: its variables, its streams, and the signal that ends it. */
export interface CliEnvironment {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C; a second one ends the process by itself. */
  readonly signal: AbortSignal;
  /** Opens standard input, which would otherwise keep the process alive. */
  stdin(): NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The path of a file that the user names. */
  pathOf(name: string): string;
}

/** The services that every command gets. */
export interface CommandContext
  extends Pick<CliEnvironment, "environment" | "signal" | "pathOf" | "stdin" | "stdout" | "stderr"> {
  /** Returns the global options of the command line, without those that are not given. */
  options(): GlobalOptions;
  /**
   * Returns a client for `--endpoint`, `--region`, `--profile` and `--account`. Throws UsageError when these are invalid.
   *
   * @param settings `attemptsMax` 1 where a request must not be repeated when its response was lost.
   */
  client(settings?: { readonly attemptsMax?: number }): Promise<GlacierClient>;
  /** The time by the system's clock. */
  now(): Date;
  /** The arguments as they were given. */
  readonly args: readonly string[];
  /** Returns the command line without the flag, to be pasted into a shell. */
  commandLineWithout(flag: string): string;
  /**
   * Prints the result of a command.
   *
   * @param answer printed as one JSON document with `--json`.
   * @param readable the form for a person.
   * @param quietOutput printed instead with `--quiet`.
   */
  printResult(answer: unknown, readable: () => string, quietOutput?: () => string): void;
  /** Keeps a result that the service returns only once: the sentence goes to standard error if standard output fails. */
  keep(sentence: string): void;
  /** Prints a sentence about a change; nothing with `--quiet`. */
  printMessage(answer: unknown, sentence: string): void;
  /** Prints a sentence on standard error, next to a result that stands on its own. */
  notice(sentence: string): void;
  /**
   * Prints what would be done and returns true, with `--dry-run`.
   *
   * @param what completes the sentence "would …".
   * @param facts further fields for `--json`.
   */
  reportIfDryRun(what: string, facts?: object): boolean;
  /**
   * Resolves when the user has typed the word on the terminal. Throws UsageError without a terminal, and an Error for another word.
   *
   * @param warning printed before the question.
   */
  confirm(word: string, warning: () => string | Promise<string>): Promise<void>;
  /**
   * Runs a transfer, reports its events, and prints its result: one line for each event with `--json`, a progress line on a terminal, and
   * lines for a log otherwise.
   */
  transfer<Result extends object>(view: TransferView<Result>, run: Transfer<Result>): Promise<Result>;
  /** Says how to resume a command without a transfer, if it is interrupted. */
  setResumeHint(hint: string): void;
  /** Writes bytes to standard output, at the speed of its reader. */
  writeOut(bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Resolves when all output has been written; throws OutputError otherwise. */
  printed(): Promise<void>;
  /** Reads the text of a file, or with `-` of standard input. Throws UsageError when it cannot be read. */
  readText(name: string): Promise<string>;
  /** Resolves an id as users give it: itself, `@FILE` for a file that contains it, or `-` for standard input. */
  readId(given: string): Promise<string>;
}

export interface TransferView<Result> {
  /** Name of the transfer in the progress line. */
  readonly name: string;
  /** How to resume it after an interruption; called when it has failed. */
  readonly resumeHint: () => string;
  /** Whether standard output has the bytes; then everything else goes to standard error. */
  readonly bytesOnStdout?: boolean;
  readonly readable: (result: Result) => string;
  /** Printed instead with `--quiet`. @default nothing */
  readonly quietOutput?: (result: Result) => string;
  /** Printed on standard error when the result cannot be written to standard output. */
  readonly unprinted?: (result: Result) => string;
}

export type Transfer<Result> = (watched: {
  readonly signal: AbortSignal;
  readonly onEvent: (event: ReportEvent) => void;
}) => Promise<Result>;

/** The services that the admin commands get. */
export interface AdminContext extends Pick<CliEnvironment, "environment" | "pathOf" | "signal"> {
  readonly call: AdminClient;
  /** Reads the text of a file, or with `-` of standard input. Throws UsageError when it cannot be read. */
  readText(name: string): Promise<string>;
  /** @param answer printed with `--json`. @param readable the form for a person. */
  printResult(answer: unknown, readable: () => string): void;
  /** See {@link CommandContext.keep}. */
  keep(sentence: string): void;
  /** Prints one line of many. Resolves when the next may follow, since a reader may be slow. */
  printLine(text: string): Promise<void>;
  isJson(): boolean;
}
