import type { AdminClient, GlacierClient } from "@moraine/client";
import type { ReportEvent } from "../transfers/report-event.ts";
import type { GlobalOptions } from "./global-options.ts";

/** What the command finds around itself. */
export interface CliEnvironment {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C; a second one needs nobody's help. */
  readonly signal: AbortSignal;
  /** Opened when it is asked for. */
  stdin(): NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The path of a file that the user names. */
  pathOf(name: string): string;
}

/** What every command works with. */
export interface CommandContext extends Pick<CliEnvironment, "environment" | "signal" | "pathOf" | "stdin"> {
  /** As they stand on the line, those left out left out. */
  options(): GlobalOptions;
  /**
   * Of the service that `--endpoint`, `--region`, `--profile` and `--account` lead to. Throws UsageError when they lead nowhere.
   *
   * @param settings `attemptsMax` 1 where a request must not be repeated when its answer was lost.
   */
  client(settings?: { readonly attemptsMax?: number }): Promise<GlacierClient>;
  /** As they were given. */
  readonly args: readonly string[];
  /** The command as it was given, but for the flag, to be pasted into a shell. */
  commandLineWithout(flag: string): string;
  /**
   * Prints what was asked for.
   *
   * @param answer one JSON document with `--json`.
   * @param readable what a person reads.
   * @param essence what is left of it with `--quiet`.
   */
  printResult(answer: unknown, readable: () => string, essence?: () => string): void;
  /** Has a sentence with the result on standard error in case that standard output does not take it; for what is told once. */
  keep(sentence: string): void;
  /** Says what was changed; `--quiet` leaves that out. */
  printMessage(answer: unknown, sentence: string): void;
  /**
   * Under `--dry-run`, says what would be done and is true.
   *
   * @param what completes the sentence "would …".
   * @param facts what `--json` tells beside it.
   */
  reportIfDryRun(what: string, facts?: object): boolean;
  /**
   * Resolves when the user has typed the word on the terminal. Throws UsageError where there is none, and an Error for another word.
   *
   * @param warning what is printed before.
   */
  confirm(word: string, warning: () => string | Promise<string>): Promise<void>;
  /**
   * Runs a transfer, shows how it goes, and prints its result: a line for each event with `--json`, progress on a terminal, else only
   * what it comes to.
   */
  transfer<Result extends object>(view: TransferView<Result>, run: Transfer<Result>): Promise<Result>;
  /** Writes bytes to standard output, as fast as they are taken from there. */
  writeOut(bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** Resolves when all that was printed has been taken; throws when it was not. */
  printed(): Promise<void>;
  /** A file's text, or with `-` that of standard input. Throws UsageError when it cannot be read. */
  readText(name: string): Promise<string>;
  /** An id as it is given: itself, `@FILE` that holds it, or `-` for standard input. */
  readId(given: string): Promise<string>;
}

export interface TransferView<Result> {
  /** Of the transfer, in a few words. */
  readonly name: string;
  /** How to resume it after an interruption; called when it has failed. */
  readonly resumeHint: () => string;
  /** Standard output has the bytes; all else goes to standard error. */
  readonly bytesOnStdout?: boolean;
  readonly readable: (result: Result) => string;
  /** With `--quiet`. @default nothing */
  readonly quietOutput?: (result: Result) => string;
  /** Printed on standard error when standard output does not take the result. */
  readonly unprinted?: (result: Result) => string;
}

export type Transfer<Result> = (watched: {
  readonly signal: AbortSignal;
  readonly onEvent: (event: ReportEvent) => void;
}) => Promise<Result>;

/** What the admin commands work with. */
export interface AdminContext extends Pick<CliEnvironment, "environment" | "pathOf" | "signal"> {
  readonly call: AdminClient;
  /** A file's text, or with `-` that of standard input. Throws UsageError when it cannot be read. */
  readText(name: string): Promise<string>;
  /** @param readable what a person reads; the answer itself goes out with `--json`. */
  printResult(answer: unknown, readable: () => string): void;
  /** See {@link CommandContext.keep}. */
  keep(sentence: string): void;
  /** Prints one line of many. Resolves when the next may follow: a reader may be slow. */
  printLine(text: string): Promise<void>;
  isJson(): boolean;
}
