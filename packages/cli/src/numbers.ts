import { InvalidArgumentError } from "commander";

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,12}$/.test(text)) {
    throw new InvalidArgumentError("It must be a whole number.");
  }
  return Number(text);
}

export function fraction(text: string): number {
  if (!/^[0-9]?\.[0-9]{1,12}$|^[0-9]$/.test(text)) {
    throw new InvalidArgumentError("It must be a number like 0.25.");
  }
  return Number(text);
}

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90`, `90s`, `15m`, `4h`, `2d`. */
export function seconds(text: string): number {
  const [, digits, unit = "s"] = /^([0-9]{1,10})([smhd])?$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new InvalidArgumentError("It must be like 90, 15m, 4h or 2d.");
  }
  return Number(digits) * (units[unit] ?? 1);
}
