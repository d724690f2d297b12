import { secondsPer } from "./durations.ts";

/** Seconds of each unit of a duration. */
export const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: secondsPer.minute,
  h: secondsPer.hour,
  d: secondsPer.day,
};

const unitBytes: Readonly<Record<string, number>> = {
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

/** Bytes of `1048576`, `64MiB` or `1.5GB`; null for others. A lone `M` is refused, for people mean different things by it. */
export function parseSize(text: string): number | null {
  const [, number = "", unit = ""] = /^([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const bytes = Number(number) * (unitBytes[unit] ?? Number.NaN);
  return number === "" || !Number.isSafeInteger(bytes) ? null : bytes;
}

/** Seconds of `90s`, `15m`, `4h` or `2d`; null for others. @param unit of a plain number. */
export function parseDuration(text: string, unit: "s" | "m" | "d" = "s"): number | null {
  const [, digits, given = unit] = /^([0-9]{1,9})([smhd])?$/.exec(text) ?? [];
  return digits === undefined ? null : Number(digits) * (unitSeconds[given] ?? Number.NaN);
}
