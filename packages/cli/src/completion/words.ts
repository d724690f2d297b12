import type { Flag, Place, Value } from "./places.ts";

// What bash, zsh and fish have in common: how a table of places is written in a script.

/** A word that the walker understands: `file`, `any`, or `:json,csv`. */
export const valueWord = (value: Value): string => (typeof value === "string" ? value : `:${value.join(",")}`);

/** `--output=file -o=file`, of the flags that take a value. */
export function flagValues(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ words, value }) =>
    value === null ? [] : words.map((word) => `${word}=${valueWord(value)}`),
  );
}

/** The last one stands again and again, where there may be many. */
export const operandWords = ({ operands }: Place): string[] => operands.map(valueWord);

/** In single quotes, as all shells but fish understand them. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
