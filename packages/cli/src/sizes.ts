import { InvalidArgumentError } from "commander";

const units: Readonly<Record<string, number>> = {
  "": 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** `1048576`, `64MiB`, `1.5GB`; a lone `M` is refused, for people mean different things by it. */
export function size(text: string): number {
  const [, number = "", unit = ""] = /^([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const bytes = Number(number) * (units[unit] ?? Number.NaN);
  if (number === "" || !Number.isSafeInteger(bytes)) {
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
