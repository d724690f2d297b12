/** Values of types as they are here, by the type's oid. */
export const valueOfType: Readonly<Record<number, (text: string) => unknown>> = {
  // bytea, as SQLite has it.
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")),
  // bigint, and what a sum of it is.
  20: safeNumber,
  1700: safeNumber,
  // text
  25: (text) =>
    text.includes(escapeCharacter)
      ? text.replaceAll(`${escapeCharacter}0`, "\0").replaceAll(`${escapeCharacter}1`, escapeCharacter)
      : text,
};

const escapeCharacter = "\u001b";

/** PostgreSQL's text has no character 0. One that has some is stored with escapes, so that any text comes back as it was. */
export function storable(value: unknown): unknown {
  if (typeof value !== "string" || !(value.includes("\0") || value.includes(escapeCharacter))) {
    return value;
  }
  return value.replaceAll(escapeCharacter, `${escapeCharacter}1`).replaceAll("\0", `${escapeCharacter}0`);
}

function safeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw Object.assign(new RangeError(`${text} is too large for a number`), { code: "ERR_OUT_OF_RANGE" });
  }
  return value;
}

/** The error of a number that is too large. */
export const isOutOfRange = (error: unknown): boolean =>
  (error as { readonly code?: unknown }).code === "ERR_OUT_OF_RANGE";
