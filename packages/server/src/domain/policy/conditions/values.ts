import { millisecondsPer } from "@moraine/protocol";
/** Readers of condition values, of policies and of requests alike. Each gives undefined for what it cannot read. */

/** An integer or a decimal. With 15 digits at most, different numbers stay different as doubles. */
export function readNumber(text: string): number | undefined {
  const [, whole = "", fraction = ""] = /^[+-]?([0-9]+)(?:\.([0-9]+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  return whole === "" || digits.length > 15 ? undefined : Number(text);
}

/**
 * Milliseconds since 1970, from a date in the W3C's profile of ISO 8601, or from seconds since 1970. Digits alone are always
 * seconds, the W3C's bare year included.
 */
export function readDate(text: string): number | undefined {
  if (/^[0-9]{1,12}$/.test(text)) {
    const instant = Number(text) * 1000;
    return instant <= lastInstant ? instant : undefined;
  }
  const [, date, minutes = "00:00", seconds = "00", fraction = "", zone = "Z"] =
    moment.exec(text) ?? day.exec(text) ?? [];
  if (date === undefined) {
    return undefined;
  }
  const whole = `${date}${date.length === 7 ? "-01" : ""}T${minutes}:${seconds}`;
  const local = Date.parse(`${whole}Z`);
  // Date.parse makes the 31st of February a day in March.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(whole)) {
    return undefined;
  }
  return local + Number(fraction.padEnd(3, "0")) - zoneMilliseconds(zone);
}

export function readBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase();
  return lower === "true" || lower === "false" ? lower === "true" : undefined;
}

/** The canonical text of base64, so that equal texts are equal bytes; padding may be left out. */
export function readBase64(text: string): string | undefined {
  const digits = text.replace(/={1,2}$/, "");
  const isPadded = digits.length < text.length;
  if (!/^[A-Za-z0-9+/]*$/.test(digits) || digits.length % 4 === 1 || (isPadded && text.length % 4 !== 0)) {
    return undefined;
  }
  return btoa(atob(digits));
}

const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59);
const day = /^([0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)$/;
const moment =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,3}))?)?(Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])$/;

function zoneMilliseconds(zone: string): number {
  if (zone === "Z") {
    return 0;
  }
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4));
  return (zone.startsWith("-") ? -minutes : minutes) * millisecondsPer.minute;
}
