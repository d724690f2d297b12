/**
 * Decodes text in UTF-8 in base64, with either alphabet (RFC 4648, sections 4 and 5), with or without padding or white space. Returns null
 * for anything else: Buffer alone would skip characters that are no base64.
 */
export function decodeBase64Text(encoded: string): string | null {
  const bytes = decodeBase64(encoded);
  return bytes === null ? null : decodeUtf8(bytes);
}

export function decodeBase64(encoded: string): Uint8Array | null {
  const compact = encoded.replaceAll(/\s+/g, "");
  const isBase64 = /^[\w+/-]+={0,2}$/.test(compact) && compact.replace(/=+$/, "").length % 4 !== 1;
  return isBase64 ? Buffer.from(compact, "base64") : null;
}

/** Returns null for invalid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
