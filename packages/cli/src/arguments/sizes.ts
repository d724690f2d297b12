import { parseSize } from "@moraine/protocol";
import { InvalidArgumentError } from "commander";

/** `1048576`, `64MiB`, `1.5GB`. */
export function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null) {
    throw new InvalidArgumentError("It must be a number of bytes, or like 64MiB, 10GiB or 500MB.");
  }
  return bytes;
}

/** A size, above 0, with or without `/s`. */
export function rate(text: string): number {
  const bytesPerSecond = size(text.replace(/\/s$/, ""));
  if (bytesPerSecond === 0) {
    throw new InvalidArgumentError("It must be more than 0.");
  }
  return bytesPerSecond;
}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;
type Unit = (typeof units)[number];

/** `1.5 GiB`; less than a KiB in bytes. @param unit of the numbers that it stands with. */
export function bytesInWords(bytes: number, unit: Unit = unitOf(bytes)): string {
  const value = bytes / 1024 ** units.indexOf(unit);
  return unit === "bytes" ? `${value} ${unit}` : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}

/** In which such a number is short. */
export function unitOf(bytes: number): Unit {
  return units.findLast((_, power) => bytes >= 1024 ** power) ?? "bytes";
}

/** For people, and for programs. */
export function bytesExactly(bytes: number): string {
  return bytes < 1024 ? bytesInWords(bytes) : `${bytesInWords(bytes)} (${bytes} bytes)`;
}
