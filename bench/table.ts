import type { Figure } from "./compare.ts";
import type { Peak } from "./measure-mixed.ts";
import type { Race } from "./race.ts";

/** A table of the comparisons, one of the races and one of peaks of memory, whichever there are. */
export function formatTables(figures: ReadonlyArray<Figure | Race | Peak>): string {
  const races = figures.filter((figure) => "programs" in figure);
  const comparisons = figures.filter((figure) => "references" in figure);
  const peaks = figures.filter((figure) => "peakBytesMax" in figure);
  const tables = [
    ...(comparisons.length > 0 ? [formatFigures(comparisons)] : []),
    ...(races.length > 0 ? [formatRaces(races)] : []),
    ...(peaks.length > 0 ? [formatPeaks(peaks)] : []),
  ];
  return tables.join("\n\n");
}

/** A line for each program. */
function formatRaces(races: readonly Race[]): string {
  const rows = races.flatMap(({ name, unit, programs }) =>
    programs.map((program, index) => [
      index === 0 ? name : "",
      program.name,
      formatRate(program.rate, unit),
      `${program.cpuSeconds.toFixed(1)} s`,
      formatMebibytes(program.peakBytes),
      index === 0 ? "" : program.ratio.toFixed(2),
      formatGoal(program.ratio, program.goal, (goal) => goal.toFixed(2)),
    ]),
  );
  return align([["measured", "program", "median", "its CPU", "peak", "ratio", "goal"], ...rows]);
}

function formatPeaks(peaks: readonly Peak[]): string {
  const rows = peaks.map(({ name, peakBytes, peakBytesMax }) => {
    const verdict = peakBytes === null ? "unknown" : peakBytes <= peakBytesMax ? "met" : "MISSED";
    const goal = `at most ${formatMebibytes(peakBytesMax)} ${verdict}`;
    return [name, peakBytes === null ? "?" : formatMebibytes(peakBytes), goal];
  });
  return align([["measured", "peak", "goal"], ...rows]);
}

/** A line for each comparison. */
function formatFigures(figures: readonly Figure[]): string {
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
      figure.serverPeakBytes === null ? "?" : formatMebibytes(figure.serverPeakBytes),
    ];
    return [
      [...own, ...(first ?? ["", "", "", ""]), figure.limitedBy],
      ...others.map((other) => ["", "", "", "", "", ...other, ""]),
      ...mainCostRow(figure),
    ];
  });
  return align([columns, ...rows]);
}

/** A line of its own: the less, the better. */
function mainCostRow({ mainCost }: Figure): string[][] {
  if (mainCost === null) {
    return [];
  }
  const { secondsPerGibibyte, goal } = mainCost;
  const verdict = Number.isNaN(secondsPerGibibyte) ? "unknown" : secondsPerGibibyte <= goal ? "met" : "MISSED";
  const format = (seconds: number) => `${seconds.toFixed(2)} s/GiB`;
  return [["  its main thread's CPU", format(secondsPerGibibyte), `${format(goal)} ${verdict}`]];
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

const formatMebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;

function formatRate(rate: number, unit: Figure["unit"] | Race["unit"]): string {
  return unit === "bytes" ? `${Math.round(rate / 1e6)} MB/s` : `${Math.round(rate)} /s`;
}

function formatGoal(value: number, goal: number | null, format: (goal: number) => string): string {
  return goal === null ? "" : `${format(goal)} ${value >= goal ? "met" : "MISSED"}`;
}

function align(rows: ReadonlyArray<readonly string[]>): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
