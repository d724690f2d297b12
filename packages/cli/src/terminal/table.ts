import { onOneLine } from "./printable.ts";

/** Formats rows in aligned columns under their names, with a dash for a missing value. */
export function table<Row extends object>(
  columns: Readonly<Record<string, keyof Row & string>>,
  rows: readonly Row[],
): string {
  const lines = [
    Object.keys(columns),
    ...rows.map((row) => Object.values(columns).map((field) => onOneLine(row[field] ?? "-"))),
  ];
  const widths = Object.keys(columns).map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, line[index]?.length ?? 0), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Formats one line for each property. */
export function listing(values: Readonly<Record<string, unknown>>): string {
  const width = Math.max(...Object.keys(values).map(({ length }) => length));
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${onOneLine(value ?? "-")}`)
    .join("\n");
}
