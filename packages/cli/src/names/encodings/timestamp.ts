/**
 * Reads a date of ISO 8601 in UTC, basic (20190501T100059Z) or extended (2019-05-01T10:00:59.123Z). Returns null for anything else, and for
 * days that do not exist. A leap second is the first second of the next minute.
 */
export function parseTimestamp(text: unknown): Date | null {
  const fields = typeof text === "string" && text.length < 40 ? pattern.exec(text.trim()) : null;
  if (fields === null) {
    return null;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  date.setUTCHours(hour, minute, second, Number((fields[7] ?? "").padEnd(3, "0").slice(0, 3)));
  return exists && hour < 24 && minute < 60 && second <= 60 ? date : null;
}

/** Reads seconds since 1970, with or without a fraction. */
export function parseEpochSeconds(text: string): Date | null {
  const seconds = /^-?\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  const date = new Date(Math.trunc(seconds * 1000));
  return Number.isNaN(date.getTime()) ? null : date;
}

const pattern = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:[.,](\d{1,9}))?Z$/i;
