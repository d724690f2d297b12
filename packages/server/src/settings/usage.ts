import type { Setting } from "./given-settings.ts";

const widthMax = 80;
const termWidth = 29;
/** Below this, descriptions stand under their flags. */
const besideWidthMin = 70;

/** The text of `--help`: 80 columns at most, wrapped at words on narrower terminals. */
export function usageText(settings: readonly Setting[], columns: number | undefined): string {
  const width = Math.min(columns || widthMax, widthMax);
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

function formatted([term, description]: readonly [string, string], width: number): string {
  if (width >= besideWidthMin && term.length < termWidth) {
    const text = wrapped(description, width - termWidth - 2).replaceAll("\n", `\n${" ".repeat(termWidth + 2)}`);
    return `  ${term.padEnd(termWidth)}${text}`;
  }
  const below = wrapped(description, width - 6).replace(/^/gm, "      ");
  return `  ${term}\n${below}`;
}

function wrapped(text: string, width: number): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= width || line === "") {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(word);
    }
  }
  return lines.join("\n");
}
