import { formatted, widthOf, wrapped } from "./wrapped.ts";

/** The help of a program that works on a data folder. */
export interface ProgramHelp {
  /** The first one says what the program does, and stands before the flags. */
  readonly paragraphs: readonly [string, ...string[]];
  readonly options: ReadonlyArray<readonly [flag: string, help: string]>;
}

/** Returns the lines of `--help`, wrapped at words for a terminal of this width; undefined stands for no terminal. */
export function programUsage({ paragraphs, options }: ProgramHelp, columns: number | undefined): string {
  const width = widthOf(columns);
  const [title, ...notes] = paragraphs.map((text) => wrapped(text, width));
  return `${[title, options.map((option) => formatted(option, width)).join("\n"), ...notes].join("\n\n")}\n`;
}
