import type { Figure } from "./compare.ts";

/** All figures as one table, a line for each comparison. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = figures.flatMap((figure) => {
    const [first, ...others] = figure.references.map((reference) => [
      reference.name,
      formatRate(reference.rate, figure.unit),
      reference.ratio.toFixed(2),
      formatGoal(reference.ratio, reference.goal, (goal) => goal.toFixed(2)),
    ]);
    const goal = formatGoal(figure.rate, figure.goal, (value) => formatRate(value, figure.unit));
    const own = [
      figure.name,
      formatRate(figure.rate, figure.unit),
      goal,
      figure.perCpuSecond === null ? "?" : formatRate(figure.perCpuSecond, figure.unit).replace("/s", "/CPU s"),
      figure.serverPeakBytes === null ? "?" : `${Math.round(figure.serverPeakBytes / 1024 ** 2)} MiB`,
    ];
    return [
      [...own, ...(first ?? ["", "", "", ""]), figure.limitedBy],
      ...others.map((other) => ["", "", "", "", "", ...other, ""]),
    ];
  });
  return align([columns, ...rows]);
}

const columns = [
  "measured",
  "median",
  "goal",
  "server's CPU",
  "peak",
  "compared with",
  "median",
  "ratio",
  "goal",
  "limited by",
];

function formatRate(rate: number, unit: Figure["unit"]): string {
  return unit === "bytes" ? `${Math.round(rate / 1e6)} MB/s` : `${Math.round(rate)} /s`;
}

function formatGoal(value: number, goal: number | null, format: (goal: number) => string): string {
  return goal === null ? "" : `${format(goal)} ${value >= goal ? "met" : "MISSED"}`;
}

function align(rows: ReadonlyArray<readonly string[]>): string {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
