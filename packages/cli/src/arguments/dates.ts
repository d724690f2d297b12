import { InvalidArgumentError } from "commander";

/** Parses a date like `2026-01-31` or `2026-01-31T12:00:00Z`; a date alone is its midnight in UTC. */
export function dateValue(text: string): Date {
  const isDate = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9]{2}:?[0-9]{2}))?$/.test(text);
  const date = new Date(text.length === 10 ? `${text}T00:00:00Z` : text);
  if (!isDate || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError("Expected a date like 2026-01-31 or 2026-01-31T12:00:00Z.");
  }
  return date;
}
