import { type Command, Help, type Option } from "commander";
import { versionFlag } from "../context/global-options.ts";

/** A narrower description goes below its option. */
const descriptionWidthMin = 36;
const belowIndent = 6;

/** Settings of every command's help: 80 columns at most, wrapped at words however narrow the terminal is. */
export const helpSettings: Partial<Help> = {
  showGlobalOptions: true,
  minWidthToWrap: 20,
  visibleGlobalOptions: (command) => globalOptionsFor(command),
  formatItem(this: Help, term, termWidth, description, helper) {
    const width = this.helpWidth ?? helpWidthMax;
    if (description === "" || width - termWidth - 4 >= descriptionWidthMin) {
      return Help.prototype.formatItem.call(this, term, termWidth, description, helper);
    }
    const below = helper.boxWrap(description, width - belowIndent).replace(/^/gm, " ".repeat(belowIndent));
    return `  ${term}\n${below}`;
  },
};

const helpWidthMax = 80;

/** The width that commander wraps help at: 80 columns without a terminal. */
export const helpWidthOf = ({ columns }: { readonly columns?: number }): number =>
  Math.min(columns || helpWidthMax, helpWidthMax);

/** Fills paragraphs to the width, and continues commands on further lines. */
export function fitHelp(text: string, width: number): string {
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    const previous = lines.at(-1) ?? "";
    if (/^\S/.test(line) && /^\S.*[^:]$/.test(previous)) {
      lines[lines.length - 1] = `${previous} ${line}`;
    } else {
      lines.push(line);
    }
  }
  return lines.flatMap((line) => (line.length <= width ? [line] : fitLine(line, width))).join("\n");
}

function fitLine(line: string, width: number): string[] {
  const [indent = ""] = /^ */.exec(line) ?? [];
  const [, command = line, comment] = /^(\s*\S.*?)\s+(# .*)$/.exec(line) ?? [];
  if (comment !== undefined) {
    return [`${indent}${comment}`, command].flatMap((part) => fitLine(part, width));
  }
  const isCommand = / moraine /.test(line) && indent !== "";
  const continued = isCommand ? `${indent}  ` : line.trimStart().startsWith("# ") ? `${indent}# ` : indent;
  return wrapped(line.trim(), { indent, continued, end: isCommand ? " \\" : "", width });
}

/** Wraps at spaces, but never within quotes, where the spaces of the next line would count. */
function wrapped(
  text: string,
  { indent, continued, end, width }: { indent: string; continued: string; end: string; width: number },
): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []) {
    const isFirst = line.trim() === "";
    if (!isFirst && line.length + 1 + word.length + end.length > width) {
      lines.push(`${line}${end}`);
      line = `${continued}${word}`;
    } else {
      line = isFirst ? `${line}${word}` : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** The program's options, which help shows once. A command with commands below it shows its own options only in its own help. */
function globalOptionsFor(command: Command): Option[] {
  const above = command.parent;
  if (above === null) {
    return [];
  }
  if (above.parent !== null && above.name() !== "admin") {
    return globalOptionsFor(above);
  }
  const own = new Set(command.options.filter(({ hidden }) => !hidden).map(({ long }) => long));
  const isOfOthers = ({ long = "" }: Option) =>
    long === versionFlag || own.has(long) || (command.name() === "admin" && notOfAdmin.has(long ?? ""));
  return above.options.filter((option) => !isOfOthers(option));
}

const notOfAdmin: ReadonlySet<string> = new Set(["--account", "--dry-run", "--quiet"]);
