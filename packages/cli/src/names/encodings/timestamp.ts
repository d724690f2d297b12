/**
 * Reads a date of ISO 8601 in UTC, basic (20190501T100059Z) or extended (2019-05-01T10:00:59.123Z). Returns null for anything else, and for
 * days that do not exist. A leap second is the first second of the next minute.
 */
export function parseTimestamp(text: unknown): Date | null {
  const fields = typeof text === "string" && text.length < 40 ? pattern.exec(text.trim()) : null;
  if (fields === null) {
    return null;
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields.slice(1).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  date.setUTCHours(hour, minute, second);
  return exists && hour < 24 && minute < 60 && second <= 60 ? date : null;
}

const pattern = /^(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:[.,]\d{1,9})?Z$/i;
