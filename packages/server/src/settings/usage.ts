import type { Setting } from "./given-settings.ts";
import { formatted, widthOf, wrapped } from "./wrapped.ts";

/** The text of `--help`: 80 columns at most, wrapped at words on narrower terminals. */
export function usageText(settings: readonly Setting[], columns: number | undefined): string {
  const width = widthOf(columns);
  const title = "moraine serve [FLAGS]: serves the Glacier vault API (REST 2012-06-01) from a folder of yours";
  const rows: [term: string, description: string][] = [
    ...settings.map(rowOf),
    ["--config FILE", "the same settings as JSON, named as the flags are"],
    ["--help", "print this"],
    ["--version", "print the version"],
  ];
  return `${wrapped(title, width)}\n\n${rows.map((row) => formatted(row, width)).join("\n")}\n`;
}

function rowOf({ flag, environment, fallback, help }: Setting): [string, string] {
  const [, value = "", text = help] = /^([A-Z]\S*|) +(.*)$/.exec(flag === undefined ? ` ${help}` : help) ?? [];
  if (flag === undefined) {
    return [environment, text];
  }
  const names = [environment, ...(fallback ? [fallback] : [])].join(", ");
  return [`--${flag} ${value}`.trimEnd(), `${text} (${names})`];
}
