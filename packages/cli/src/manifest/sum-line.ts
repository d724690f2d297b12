/** Formats a line of SHA256SUMS, with its line break, as GNU coreutils reads it: names with a backslash or a line break are escaped. */
export function sumLine(sha256: string, path: string): string {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === path ? "" : "\\"}${sha256}  ${escaped}\n`;
}
