/**
 * Decodes UTF-7 (RFC 2152): "+AF8-" is "_", "+-" is "+". Returns null for text that is not valid UTF-7 throughout, as is any other text with
 * a plus sign in most cases, so that it can be left as it is.
 */
export function decodeUtf7(text: string): string | null {
  if (/[^\t\n\r -~]/.test(text)) {
    return null;
  }
  const parts: string[] = [];
  let end = 0;
  for (const found of text.matchAll(/\+([A-Za-z0-9+/]*)(-?)/g)) {
    const [shifted, encoded = "", close] = found;
    const decoded = encoded === "" && close === "-" ? "+" : decodeUnits(encoded);
    if (decoded === null) {
      return null;
    }
    parts.push(text.slice(end, found.index), decoded);
    end = found.index + shifted.length;
  }
  const decoded = parts.join("") + text.slice(end);
  return decoded.isWellFormed() ? decoded : null;
}

/** Decodes base64 of UTF-16 in big endian. Null unless it has at least one unit, and no bit set after the last. */
function decodeUnits(encoded: string): string | null {
  const bytes = Buffer.from(encoded, "base64");
  const units = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)));
  const isCanonical = units.toString("base64").replaceAll("=", "") === encoded;
  return isCanonical && units.length > 0 ? units.swap16().toString("utf16le") : null;
}
