import type { AdminClient } from "@moraine/client";

/** What the command finds around itself. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The path of a file that the user names. */
  pathOf(name: string): string;
  print(text: string): void;
}

/** What every command works with. */
export interface Tools {
  readonly call: AdminClient;
  pathOf(name: string): string;
  /** @param readable what a person reads; the answer itself goes out with `--json`. */
  show(answer: unknown, readable: () => string): void;
}
