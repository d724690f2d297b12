const widthMax = 80;
const termWidth = 29;
/** Below this, descriptions stand under their flags. */
const besideWidthMin = 70;

/** The columns to use of a terminal; undefined stands for no terminal. */
export const widthOf = (columns: number | undefined): number => Math.min(columns || widthMax, widthMax);

/** A flag with its description next to it, or under it where there is little room. */
export function formatted([term, description]: readonly [string, string], width: number): string {
  if (width >= besideWidthMin && term.length < termWidth) {
    const text = wrapped(description, width - termWidth - 2).replaceAll("\n", `\n${" ".repeat(termWidth + 2)}`);
    return `  ${term.padEnd(termWidth)}${text}`;
  }
  const below = wrapped(description, width - 6).replace(/^/gm, "      ");
  return `  ${term}\n${below}`;
}

/** Breaks a text at words. A word that is longer than a line has a line to itself. */
export function wrapped(text: string, width: number): string {
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
