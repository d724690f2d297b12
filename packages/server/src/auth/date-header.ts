import { parseAmzDate } from "@moraine/protocol";

/**
 * Reads the time in a `Date` header. Old clients sign with it alone, in one of three forms: ISO 8601 basic
 * (`20261122T102030Z`), RFC 3339 (`2026-11-22T10:20:30Z`) or RFC 1123 (`Sun, 22 Nov 2026 10:20:30 GMT`). Returns undefined for
 * any other form, and for a day or a time that does not exist.
 */
export function parseDateHeader(text: string): Date | undefined {
  return parseAmzDate(text) ?? parseRfc3339(text) ?? parseRfc1123(text);
}

function parseRfc3339(text: string): Date | undefined {
  const [, day, fraction = "", offset] =
    /^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/.exec(text) ??
    [];
  if (day === undefined || offset === undefined) {
    return undefined;
  }
  // Date takes 30 February for 2 March, so compare.
  const exists = validDate(`${day}Z`)?.toISOString().startsWith(day);
  return exists === true ? validDate(`${day}${fraction}${offset}`) : undefined;
}

function parseRfc1123(text: string): Date | undefined {
  // Python's formatdate writes -0000 for GMT.
  const normal = text.replace(/(?:UTC|[+-]0000)$/, "GMT");
  const date = validDate(normal);
  return date?.toUTCString() === normal ? date : undefined;
}

function validDate(text: string): Date | undefined {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
