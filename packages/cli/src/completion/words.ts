import type { Flag, Place, Value } from "./places.ts";

// The table of places as a script for bash, zsh or fish contains it.

/** Encodes the kind of a value for the scripts: `file`, `any`, or `:json,csv`. */
export const valueWord = (value: Value): string => (typeof value === "string" ? value : `:${value.join(",")}`);

/** Encodes the flags that take a value, like `--output=file -o=file`. */
export function flagValues(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ words, value }) =>
    value === null ? [] : words.map((word) => `${word}=${valueWord(value)}`),
  );
}

/** Encodes the operands. */
export const operandWords = ({ operands }: Place): string[] => operands.map(valueWord);

/** Quotes text for all shells but fish. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
