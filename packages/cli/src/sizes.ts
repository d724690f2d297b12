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

/** `1.5 GiB`; less than a KiB in bytes. */
export function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = "bytes";
  for (const larger of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < 1024) {
      break;
    }
    value /= 1024;
    unit = larger;
  }
  return unit === "bytes" ? `${value} ${unit}` : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`;
}

/** For people, and for programs. */
export function bytesExactly(bytes: number): string {
  return bytes < 1024 ? bytesInWords(bytes) : `${bytesInWords(bytes)} (${bytes} bytes)`;
}
