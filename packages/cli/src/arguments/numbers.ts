import { parseDuration } from "@moraine/protocol";
import { InvalidArgumentError } from "commander";

export function wholeNumber(text: string): number {
  if (!/^[0-9]{1,12}$/.test(text)) {
    throw new InvalidArgumentError("Expected a whole number.");
  }
  return Number(text);
}

/** Parses a whole number of 1 or more. */
export function oneOrMore(text: string): number {
  const number = wholeNumber(text);
  if (number < 1) {
    throw new InvalidArgumentError("Expected 1 or more.");
  }
  return number;
}

export function fraction(text: string): number {
  if (!/^[0-9]?\.[0-9]{1,12}$|^[0-9]$/.test(text)) {
    throw new InvalidArgumentError("Expected a number like 0.25.");
  }
  return Number(text);
}

/** Parses a duration like `90`, `90s`, `15m`, `4h` or `2d`. */
export function seconds(text: string): number {
  const parsed = parseDuration(text);
  if (parsed === null) {
    throw new InvalidArgumentError("Expected a duration like 90, 15m, 4h or 2d.");
  }
  return parsed;
}
