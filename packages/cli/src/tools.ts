import type { AdminClient, GlacierClient } from "@moraine/client";

/** What the command finds around itself. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C; a second one needs nobody's help. */
  readonly signal: AbortSignal;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** The path of a file that the user names. */
  pathOf(name: string): string;
}

/** What every command works with. */
export interface Tools extends Pick<Surroundings, "signal" | "pathOf"> {
  /** Of the service that `--endpoint`, `--region`, `--profile` and `--account` lead to. Throws UsageError when they lead nowhere. */
  client(): Promise<GlacierClient>;
  /**
   * Prints what was asked for.
   *
   * @param answer one JSON document with `--json`.
   * @param readable what a person reads.
   * @param essence what is left of it with `--quiet`.
   */
  show(answer: unknown, readable: () => string, essence?: () => string): void;
  /** Says what was changed; `--quiet` leaves that out. */
  tell(answer: unknown, sentence: string): void;
  /**
   * Under `--dry-run`, says what would be done and is true.
   *
   * @param what completes the sentence "would …".
   * @param facts what `--json` tells beside it.
   */
  isDryRun(what: string, facts?: object): boolean;
  /** A file's text, or with `-` that of standard input. Throws UsageError when it cannot be read. */
  readText(name: string): Promise<string>;
  /** An id as it is given: itself, `@FILE` that holds it, or `-` for standard input. */
  readId(given: string): Promise<string>;
}

/** What the admin commands work with. */
export interface AdminTools {
  readonly call: AdminClient;
  pathOf(name: string): string;
  /** @param readable what a person reads; the answer itself goes out with `--json`. */
  show(answer: unknown, readable: () => string): void;
}
