import { parseSize } from "@moraine/protocol";
import { InvalidArgumentError } from "commander";

/** Parses a size like `1048576`, `64MiB` or `1.5GB`. */
export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) {
    throw new InvalidArgumentError("Expected a number of bytes, or a size like 64MiB, 10GiB or 500MB.");
  }
  return bytes;
}

/** Parses a size above 0, with or without `/s`. */
export function rate(text: string): number {
  const bytesPerSecond = size(text.replace(/\/s$/, ""));
  if (bytesPerSecond === 0) {
    throw new InvalidArgumentError("Expected more than 0.");
  }
  return bytesPerSecond;
}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;
type Unit = (typeof units)[number];

/** Formats a size like `1.5 GiB`, and less than a KiB in bytes. @param unit shared with the numbers next to it. */
export function bytesInWords(bytes: number, unit: Unit = unitOf(bytes)): string {
  const value = bytes / 1024 ** units.indexOf(unit);
  return unit === "bytes" ? `${value} ${unit}` : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}

/** Returns the largest unit that is not larger than the number. */
export function unitOf(bytes: number): Unit {
  return units.findLast((_, power) => bytes >= 1024 ** power) ?? "bytes";
}

/** Formats a size for people, followed by the exact number of bytes. */
export function bytesExactly(bytes: number): string {
  return bytes < 1024 ? bytesInWords(bytes) : `${bytesInWords(bytes)} (${bytes} bytes)`;
}
