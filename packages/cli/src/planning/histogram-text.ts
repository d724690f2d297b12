import { bytesInWords } from "../arguments/sizes.ts";
import { grouped } from "./amounts-in-words.ts";
import type { SizeStep } from "./vault-statistics.ts";

const barLengthMax = 40;

/** Draws a bar for each step of sizes, by its number of archives, in lines of at most `columns` characters. */
export function histogramText(sizes: readonly SizeStep[], columns: number): string[] {
  const most = Math.max(1, ...sizes.map(({ archives }) => archives));
  const rows = sizes.map(({ belowBytes, archives, bytes }, index) => ({
    label: belowBytes === null ? `from ${sizeText(sizes[index - 1]?.belowBytes ?? 0)}` : `< ${sizeText(belowBytes)}`,
    count: grouped(archives),
    bytes: bytesInWords(bytes).replace(" bytes", " B"),
    archives,
  }));
  const width = (field: "label" | "count" | "bytes") => Math.max(0, ...rows.map((row) => row[field].length));
  const widths = [width("label"), width("count"), width("bytes")] as const;
  const room = Math.min(barLengthMax, columns - 8 - widths[0] - widths[1] - widths[2]);
  return rows.map(({ label, count, bytes, archives }) => {
    const bar = archives === 0 || room < 1 ? "" : "█".repeat(Math.max(1, Math.round((archives / most) * room)));
    const cells = [label.padEnd(widths[0]), count.padStart(widths[1]), bytes.padStart(widths[2]), bar];
    return `  ${cells.join("  ")}`.trimEnd();
  });
}

/** `4 GiB` instead of `4.0 GiB`: ends of steps are whole. */
const sizeText = (bytes: number) => bytesInWords(bytes).replace(".0 ", " ");
