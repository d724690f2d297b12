import { parseDuration } from "@moraine/protocol";

/** Throws for what is no duration. */
export function secondsOf(flag: string, text: string): number {
  const seconds = parseDuration(text);
  if (seconds === null) {
    throw new Error(`Invalid ${flag} "${text}": expected a time like 90s, 10m or 4h`);
  }
  return seconds;
}
